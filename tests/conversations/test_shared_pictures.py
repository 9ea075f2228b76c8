"""Pictures of conversations that are shared: shown by the link, to moderators, and taken along by who goes on."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from apps.catalog.models import HostedModel
from apps.conversations.actions.lifecycle import delete_conversation
from apps.conversations.models import Attachment, Conversation, SharedConversation
from apps.conversations.models.snapshot import SHARED
from apps.conversations.moderated import describe
from apps.generations.models import Artifact
from apps.generations.picture_store import read
from apps.moderation.models import Case
from apps.projects.models import Membership, Project, Role
from apps.sharing.models import ShareLink
from tests.conversations.build import end, post, send
from tests.conversations.conftest import ClientOf
from tests.conversations.seeing import attach
from tests.engine.pictures.files import drawing, encoded
from tests.world import World


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Path:
    settings.ARTIFACT_STORE = tmp_path / "artifacts"
    return tmp_path / "artifacts"


@pytest.fixture
def picture(editor: Client, talk: Conversation) -> dict[str, Any]:
    return attach(editor, talk, name="<b>cat.png")


@pytest.fixture
def link(editor: Client, talk: Conversation, picture: dict[str, Any]) -> str:
    """Of a question with its picture and the answer; there is another picture that isn't shared."""
    question, answer = send(editor, talk, "", pictures=[picture["id"]]).json()["messages"]
    end(answer["id"], "A cat.")
    other = attach(editor, talk, encoded(drawing(80, 64)))
    send(editor, talk, "And this?", answer["id"], pictures=[other["id"]])
    shared = post(editor, f"/c/{talk.pk}/share/", {"messages": [question["id"], answer["id"]], "days": "7"})
    return "/" + str(shared.json()["url"]).split("/", 3)[3]


def test_whoever_has_the_link_sees_what_was_shared(link: str, picture: dict[str, Any], talk: Conversation) -> None:
    page = Client().get(link).content.decode()
    address = f"{link}pictures/{picture['id']}"
    assert f'src="{address}.webp"' in page
    assert 'alt="&lt;b&gt;cat.png"' in page
    assert Client().get(f"{address}.webp")["Content-Type"] == "image/webp"
    assert Client().get(f"{address}.png")["Content-Type"] == "image/png"
    assert Client().get(picture["url"]).status_code == 404
    others = Attachment.objects.exclude(pk=picture["id"])
    assert Client().get(f"{link}pictures/{others.get().pk}.png").status_code == 404


def test_no_longer_than_the_link_is_live(link: str, picture: dict[str, Any], talk: Conversation, world: World) -> None:
    address = f"{link}pictures/{picture['id']}.png"
    views = ShareLink.objects.get().opened
    assert Client().get(address).status_code == 200
    assert ShareLink.objects.get().opened == views
    delete_conversation(actor=world.editor, conversation=talk)
    assert Client().get(address).status_code == 404
    Conversation.objects.filter(pk=talk.pk).update(deleted_at=None)
    ShareLink.objects.update(expires_at=timezone.now() - timedelta(days=1))
    assert Client().get(address).status_code == 404


def test_its_author_and_a_moderator_who_is_asked_see_the_copy(
    link: str, picture: dict[str, Any], editor: Client, client_of: ClientOf
) -> None:
    shared = SharedConversation.objects.get()
    address = f"/shared/copies/{shared.pk}/pictures/{picture['id']}.png"
    assert [client_of(name).get(address).status_code for name in ("editor", "owner", "admin")] == [200, 404, 404]
    Case.objects.create(kind=SHARED, thing_id=shared.pk)
    assert client_of("admin").get(address).status_code == 200
    assert address.replace(".png", ".webp") in editor.get(f"/shared/copies/{shared.pk}/").content.decode()
    assert "[picture: <b>cat.png]" in describe(shared).text


def test_who_goes_on_gets_pictures_of_their_own(
    link: str, picture: dict[str, Any], client_of: ClientOf, world: World, janus: HostedModel, talk: Conversation
) -> None:
    harbour = Project.objects.create(name="Harbour")
    Membership.objects.create(project=harbour, user=world.stranger, role=Role.OWNER)
    stranger = client_of("stranger")
    went = stranger.post(f"{link}continue/", {"project": harbour.pk, "model": janus.pk})
    assert went.status_code == 302
    question, answer = stranger.get(f"{went['Location']}messages/").json()["messages"]
    (copy,) = question["pictures"]
    assert (copy["name"], copy["id"] != picture["id"]) == (picture["name"], True)
    assert Artifact.objects.get(pk=copy["id"]).project == harbour
    assert read(copy["id"]) == read(picture["id"])
    assert stranger.get(copy["thumbnail"]).status_code == 200
    talk.delete()
    mine = Conversation.objects.get(project=harbour)
    assert send(stranger, mine, "And its colour?", answer["id"]).status_code == 201


def test_pictures_that_are_gone_are_told(
    link: str, client_of: ClientOf, world: World, janus: HostedModel, store: Path
) -> None:
    harbour = Project.objects.create(name="Harbour")
    Membership.objects.create(project=harbour, user=world.stranger, role=Role.OWNER)
    for file in store.rglob("*.png"):
        file.unlink()
    refused = client_of("stranger").post(f"{link}continue/", {"project": harbour.pk, "model": janus.pk})
    assert refused.status_code == 409
    assert "is not there any more" in refused.content.decode()
    assert not Conversation.objects.filter(project=harbour).exists()
