"""Prompts and comments, reported, hidden and shown again."""

from __future__ import annotations

import pytest
from django.http import Http404

from apps.accounts.models import User
from apps.moderation.access import get_thing_for
from apps.moderation.actions.decisions import decide
from apps.moderation.actions.reports import report_thing
from apps.moderation.models import Case, Decision
from apps.prompts.access import get_prompt_for
from apps.prompts.actions import comment as write_comment
from apps.prompts.models import Audience, Comment, Prompt
from tests.moderation.build import moderator
from tests.prompts.build import write
from tests.world import World


def report(actor: User, kind: str, thing_id: str) -> Case:
    about, thing = get_thing_for(actor, kind, thing_id)
    return report_thing(
        actor=actor, kind=kind, thing_id=thing_id, about=about, thing=thing, reason="spam", text=""
    ).case


def test_a_hidden_prompt_is_gone_for_others_and_comes_back(world: World) -> None:
    prompt, by = write(world.owner), moderator()
    case = report(world.stranger, "prompt", prompt.pk)
    case.refresh_from_db()
    assert (case.label, case.author) == ("Tide table", world.owner)
    assert "When is high tide in {{ harbour }}?" in case.excerpt
    hidden = decide(actor=by, case=case, outcome=Decision.Outcome.HIDE, reason="It advertises.", seen="")
    with pytest.raises(Http404):
        get_prompt_for(world.stranger, prompt.pk)
    assert get_prompt_for(world.owner, prompt.pk).hidden_reason == "It advertises."
    decide(actor=by, case=case, outcome=Decision.Outcome.RESTORE, reason="It doesn’t.", seen=hidden.pk)
    assert get_prompt_for(world.stranger, prompt.pk).hidden_reason == ""


def test_nobody_reports_what_they_cannot_read(world: World) -> None:
    prompt = write(world.owner, Audience.PRIVATE)
    said = write_comment(actor=world.owner, prompt=prompt, text="For me.")
    for kind, thing_id in (("prompt", prompt.pk), ("comment", said.pk), ("comment", "no-such-comment")):
        with pytest.raises(Http404):
            get_thing_for(world.stranger, kind, thing_id)


def test_a_hidden_comment_is_gone_alone(world: World) -> None:
    prompt = write(world.owner)
    rude = write_comment(actor=world.viewer, prompt=prompt, text="You know\nnothing.")
    kind = write_comment(actor=world.editor, prompt=prompt, text="Thank you.")
    case = report(world.owner, "comment", rude.pk)
    decide(actor=moderator(), case=case, outcome=Decision.Outcome.HIDE, reason="Be kind.", seen="")
    assert list(Comment.objects.shown()) == [kind]
    assert Prompt.objects.get().hidden_at is None
    case.refresh_from_db()
    assert (case.label, case.excerpt) == ("You know nothing.", "You know\nnothing.")
