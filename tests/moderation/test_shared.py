"""Shared conversations, reported and hidden."""

from __future__ import annotations

import pytest
from django.http import Http404
from django.test import Client

from apps.conversations.actions.sharing import share_conversation
from apps.conversations.models import SharedConversation
from apps.generations.models import State
from apps.moderation.access import get_thing_for
from apps.moderation.actions.decisions import decide
from apps.moderation.actions.reports import report_thing
from apps.moderation.models import Decision
from apps.sharing.actions import revoke_link
from apps.sharing.models import ShareLink
from tests.conversations.build import answered, asked, listed_model, make_conversation
from tests.moderation.build import moderator
from tests.world import World

KIND = "shared_conversation"


def shared(world: World) -> tuple[SharedConversation, ShareLink]:
    conversation = make_conversation(world.project, world.owner, listed_model(), "Tides")
    question = asked(conversation, "When is high tide?")
    answer = answered(question, "At noon.", State.SUCCEEDED)
    snapshot, link, _ = share_conversation(
        actor=world.owner, conversation=conversation, message_ids=[question.pk, answer.pk], lifetime=None
    )
    return snapshot, link


def test_hidden_it_is_read_by_no_link(world: World) -> None:
    snapshot, _ = shared(world)
    about, thing = get_thing_for(world.stranger, KIND, snapshot.pk)
    case = report_thing(
        actor=world.stranger, kind=KIND, thing_id=snapshot.pk, about=about, thing=thing, reason="private", text=""
    ).case
    case.refresh_from_db()
    assert case.excerpt == "User: When is high tide?\n\nAssistant: At noon."
    hidden = decide(actor=moderator(), case=case, outcome=Decision.Outcome.HIDE, reason="Names somebody.", seen="")
    assert not SharedConversation.objects.readable().exists()
    decide(actor=world.admin, case=case, outcome=Decision.Outcome.RESTORE, reason="It doesn’t.", seen=hidden.pk)
    assert SharedConversation.objects.readable().get() == snapshot


def test_the_report_form_shows_nothing_of_it(world: World) -> None:
    snapshot, link = shared(world)
    client = Client()
    client.force_login(world.stranger)
    page = client.get(f"/report/{KIND}/{snapshot.pk}/").content.decode()
    assert "Report this shared conversation" in page
    assert "Tides" not in page
    assert "high tide" not in page
    revoke_link(actor=world.owner, link=link)
    with pytest.raises(Http404):
        get_thing_for(world.stranger, KIND, snapshot.pk)
