"""Pictures that wait for their message: nobody else's business, and gone when nothing comes of them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from apps.accounts.actions.profile import delete_account
from apps.audit.models import AuditEvent
from apps.conversations.actions.attaching import MAX_UNSENT, forget_unsent
from apps.conversations.models import Attachment, Conversation, Message
from apps.generations.models import Artifact
from apps.generations.picture_store import path_of
from tests.conversations.build import post, send
from tests.conversations.conftest import ClientOf
from tests.conversations.seeing import attach, upload
from tests.world import World


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> None:
    settings.ARTIFACT_STORE = tmp_path / "artifacts"


@pytest.fixture
def sent(editor: Client, talk: Conversation) -> dict[str, Any]:
    picture = attach(editor, talk)
    assert send(editor, talk, "What is this?", pictures=[picture["id"]]).status_code == 201
    return picture


@pytest.fixture
def unsent(editor: Client, talk: Conversation) -> dict[str, Any]:
    return attach(editor, talk, name="draft.png")


def remove(client: Client, talk: Conversation, picture: dict[str, Any]) -> HttpResponse:
    return post(client, f"/c/{talk.pk}/pictures/{picture['id']}/remove/", {})


def test_nobody_else_sees_or_sends_it(
    editor: Client, talk: Conversation, unsent: dict[str, Any], client_of: ClientOf
) -> None:
    """Not even who may read and write there, and knows its id: the record tells ids."""
    for address in (unsent["url"], unsent["thumbnail"]):
        seen = [client_of(name).get(address).status_code for name in ("editor", "owner", "viewer", "anonymous")]
        assert seen == [200, 404, 404, 404]
    refused = send(client_of("owner"), talk, "Look", pictures=[unsent["id"]])
    assert refused.json()["error"]["code"] == "picture_gone"
    assert remove(client_of("owner"), talk, unsent).status_code == 404
    assert send(editor, talk, "Look", pictures=[unsent["id"]]).status_code == 201
    assert client_of("owner").get(unsent["url"]).status_code == 200


def test_what_was_sent_can_be_asked_about_by_others(
    talk: Conversation, sent: dict[str, Any], client_of: ClientOf
) -> None:
    """As an edit of somebody else's message does."""
    assert send(client_of("owner"), talk, "And what is that?", pictures=[sent["id"]]).status_code == 201


def test_one_takes_back_what_one_didn_t_send(
    editor: Client, talk: Conversation, sent: dict[str, Any], unsent: dict[str, Any]
) -> None:
    assert remove(editor, talk, sent).json()["removed"] is False
    assert remove(editor, talk, unsent).json()["removed"] is True
    assert [each.pk for each in Attachment.objects.all()] == [sent["id"]]
    event = AuditEvent.objects.get(action="conversation.picture_removed")
    assert event.details == {"picture": unsent["id"]}


def test_what_nobody_sends_is_forgotten_after_a_day(
    editor: Client, talk: Conversation, sent: dict[str, Any], unsent: dict[str, Any]
) -> None:
    young = attach(editor, talk)
    long_ago = timezone.now() - timedelta(days=2)
    Artifact.objects.filter(pk__in=[sent["id"], unsent["id"]]).update(created_at=long_ago)
    assert forget_unsent() == 1
    assert set(Attachment.objects.values_list("pk", flat=True)) == {sent["id"], young["id"]}


def test_nobody_piles_up_what_isn_t_sent(editor: Client, talk: Conversation, client_of: ClientOf) -> None:
    for _ in range(MAX_UNSENT):
        attach(editor, talk)
    assert upload(editor, talk).json()["error"]["code"] == "too_many_pictures"
    attach(client_of("owner"), talk)


def test_it_goes_with_the_account_and_what_was_sent_stays(
    talk: Conversation,
    sent: dict[str, Any],
    unsent: dict[str, Any],
    world: World,
    client_of: ClientOf,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    """As texts do: it is part of what others answered."""
    with django_capture_on_commit_callbacks(execute=True):
        delete_account(person=world.editor)
    assert not path_of(unsent["id"]).exists()
    assert list(Artifact.objects.values_list("pk", "user")) == [(sent["id"], None)]
    assert Message.objects.get(role=Message.Author.USER).user is None
    assert client_of("owner").get(sent["url"]).status_code == 200
