"""Who is refused is written down, whichever way the view answers."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.conversations.models import Conversation
from tests.world import World


@pytest.fixture
def conversation(world: World) -> Conversation:
    return Conversation.objects.create(project=world.project, created_by=world.editor, title="Tides")


def say(who: str, world: World, conversation: Conversation) -> int:
    client = Client()
    client.force_login(world.person(who))
    url = reverse("conversation_messages", args=[conversation.pk])
    body = {"text": "Hello", "parent": None, "client_id": "c" * 16}
    return client.post(url, body, content_type="application/json").status_code


def test_an_answer_in_json(world: World, conversation: Conversation) -> None:
    assert say("viewer", world, conversation) == 403
    event = AuditEvent.objects.get(action="access.denied")
    assert (event.outcome, event.actor_id, event.target_id) == ("denied", world.viewer.pk, "conversation_messages")
    assert event.details["ids"] == {"cid": conversation.pk}
    assert "Hello" not in str(event.details)


def test_strangers_learn_nothing_and_leave_nothing(world: World, conversation: Conversation) -> None:
    assert say("stranger", world, conversation) == 404
    assert not AuditEvent.objects.exists()


def test_a_token_in_the_address_is_not_kept(world: World) -> None:
    client = Client()
    client.force_login(world.viewer)
    client.post(reverse("project_uninvite", args=[world.project.pk, "t" * 43]))
    event = AuditEvent.objects.get()
    assert event.details["ids"] == {"pid": world.project.pk}
    assert "t" * 43 not in str(vars(event))
