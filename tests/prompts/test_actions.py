"""Writing, revising, forking, starring, commenting, using, deleting."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.moderation.limits import LIMITS, TooMany, check_rate
from apps.prompts import actions
from apps.prompts.access import get_revision
from apps.prompts.models import Audience, Comment, Prompt, PromptRevision, PromptRun
from tests.prompts.build import TIDES, write
from tests.world import World


def test_revisions_are_appended_and_restored(world: World) -> None:
    prompt = write(world.editor)
    second = actions.revise(actor=world.editor, prompt=prompt, content=TIDES | {"title": "Ebb"}, note_text="Shorter")
    same = actions.revise(actor=world.editor, prompt=prompt, content=TIDES | {"title": "Ebb"})
    assert same == second
    assert (second.number, second.note) == (2, "Shorter")
    restored = actions.restore(actor=world.editor, prompt=prompt, revision=prompt.revisions.get(number=1))
    prompt.refresh_from_db()
    assert (restored.number, prompt.title, prompt.head) == (3, "Tide table", restored)
    said = AuditEvent.objects.order_by("id").values_list("action", flat=True)
    assert list(said) == ["prompt.created", "prompt.revised", "prompt.restored"]


def test_a_flood_of_revisions_is_refused_and_nothing_is_written(world: World) -> None:
    prompt = write(world.editor)
    for _ in range(LIMITS["prompt.revise"].first_day):
        check_rate(world.editor, "prompt.revise")
    with pytest.raises(TooMany, match="You made 60 revisions in the last hour"):
        actions.revise(actor=world.editor, prompt=prompt, content=TIDES | {"title": "Ebb"})
    unchanged = actions.revise(actor=world.editor, prompt=prompt, content=TIDES)
    assert unchanged.number == 1
    assert prompt.revisions.count() == 1


def test_who_saves_second_reads_that_somebody_was_faster(world: World) -> None:
    prompt = write(world.editor)
    actions.revise(actor=world.owner, prompt=prompt, content=TIDES | {"title": "Ebb"}, based_on=1)
    with pytest.raises(ValidationError, match="meanwhile"):
        actions.revise(actor=world.editor, prompt=prompt, content=TIDES | {"title": "Flood"}, based_on=1)


def test_a_fork_is_private_and_knows_its_origin(world: World) -> None:
    origin = write(world.editor)
    copy = actions.fork(actor=world.stranger, revision=get_revision(origin))
    origin.refresh_from_db()
    assert (copy.visibility, copy.forked_from) == (Audience.PRIVATE, origin.head)
    assert get_revision(copy).content() == get_revision(origin).content()


def test_production_is_what_is_used(world: World) -> None:
    prompt = write(world.editor)
    first = get_revision(prompt)
    actions.revise(actor=world.editor, prompt=prompt, content=TIDES | {"title": "Ebb"})
    actions.set_production(actor=world.editor, prompt=prompt, revision=first)
    prompt.refresh_from_db()
    assert get_revision(prompt) == first
    with pytest.raises(ValueError, match="one of its own"):
        actions.set_production(actor=world.editor, prompt=write(world.editor), revision=first)


def test_a_star_counts_once_and_gains_nothing_when_taken_back(world: World) -> None:
    prompt = write(world.editor)
    before = prompt.trending
    assert [actions.star(actor=world.stranger, prompt=prompt) for _ in range(2)] == [True, False]
    prompt.refresh_from_db()
    assert prompt.star_count == 1
    assert prompt.trending == pytest.approx(before + 1.386, abs=0.01)  # ln(1 + 3)
    assert [actions.unstar(actor=world.stranger, prompt=prompt) for _ in range(2)] == [True, False]
    prompt.refresh_from_db()
    assert prompt.star_count == 0
    assert prompt.trending == pytest.approx(before, abs=0.01)


def test_what_authors_do_to_their_own_moves_no_score(world: World) -> None:
    prompt = write(world.editor)
    before = prompt.trending
    actions.star(actor=world.editor, prompt=prompt)
    actions.comment(actor=world.editor, prompt=prompt, text="Mine")
    actions.record_use(actor=world.editor, revision=get_revision(prompt))
    prompt.refresh_from_db()
    assert (prompt.trending, prompt.star_count, prompt.comment_count, prompt.use_count) == (before, 1, 1, 1)


def test_a_hundred_uses_by_one_person_trend_like_one(world: World) -> None:
    prompt = write(world.editor)
    runs = [actions.record_use(actor=world.stranger, revision=get_revision(prompt)) for _ in range(3)]
    one = prompt.trending + 0.7
    prompt.refresh_from_db()
    assert prompt.use_count == 3
    assert prompt.trending < one
    actions.rate_run(actor=world.stranger, run=runs[0], rating=5)
    actions.rate_run(actor=world.viewer, run=runs[1], rating=5)
    assert list(PromptRun.objects.order_by("created_at").values_list("rating", flat=True)) == [5, None, None]
    for wrong in (0, 6, True, "5"):
        with pytest.raises(ValidationError):
            actions.rate_run(actor=world.stranger, run=runs[0], rating=wrong)  # type: ignore[arg-type]


def test_comments(world: World) -> None:
    prompt = write(world.editor)
    written = actions.comment(actor=world.stranger, prompt=prompt, text="  Good\r\none ")
    assert written.text == "Good\none"
    for wrong in ("", "x" * 4_001, "a\x00b"):
        with pytest.raises(ValidationError):
            actions.comment(actor=world.stranger, prompt=prompt, text=wrong)
    actions.delete_comment(actor=world.stranger, comment=written)
    prompt.refresh_from_db()
    assert (prompt.comment_count, Comment.objects.get().text) == (0, "")


def test_only_a_project_can_be_shown_to_a_project(world: World) -> None:
    prompt = write(world.editor, Audience.PRIVATE)
    with pytest.raises(ValidationError):
        actions.set_visibility(actor=world.editor, prompt=prompt, visibility=Audience.PROJECT)
    actions.set_visibility(actor=world.editor, prompt=prompt, visibility=Audience.PROJECT, project=world.project)
    assert world.viewer.memberships.exists()
    assert prompt in Prompt.objects.visible_to(world.viewer)


def test_what_was_deleted_is_erased_later_and_its_forks_stay(world: World) -> None:
    origin = write(world.editor)
    copy = actions.fork(actor=world.stranger, revision=get_revision(origin))
    actions.delete(actor=world.editor, prompt=origin)
    assert actions.purge_overdue() == 0
    Prompt.objects.filter(pk=origin.pk).update(deleted_at=timezone.now() - timedelta(days=8))
    assert actions.purge_overdue() == 1
    copy.refresh_from_db()
    assert copy.forked_from is None
    assert PromptRevision.objects.count() == 1


def test_a_deleted_account_leaves_what_it_published_without_its_name(world: World) -> None:
    public, private = write(world.stranger), write(world.stranger, Audience.PRIVATE)
    starred = write(world.editor)
    for person in (world.stranger, world.viewer):
        actions.star(actor=person, prompt=starred)
    from apps.accounts.deletion import run_hooks

    run_hooks(world.stranger)
    world.stranger.delete()
    assert not Prompt.objects.filter(pk=private.pk)
    public.refresh_from_db()
    starred.refresh_from_db()
    assert public.author is None
    assert starred.star_count == starred.stars.count() == 1


def test_a_project_keeps_the_prompt_of_somebody_who_has_left(world: World) -> None:
    prompt = write(world.editor, Audience.PROJECT, world.project)
    world.editor.delete()
    prompt.refresh_from_db()
    with pytest.raises(ValidationError, match="has left"):
        actions.set_audience(actor=world.owner, prompt=prompt, visibility=40, run=40, fork=40, project=None)
