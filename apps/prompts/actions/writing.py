"""Write a prompt, revise it, bring back an older revision, fork it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.moderation.limits import check_rate
from apps.projects.models import Project
from apps.prompts import trending
from apps.prompts.cleaning import one_line
from apps.prompts.content import Content, clean_content, head_fields
from apps.prompts.models import Audience, Prompt, PromptRevision
from apps.prompts.trail import note

MAX_NOTE_CHARS = 200


@transaction.atomic
def create_prompt(
    *,
    actor: User,
    content: Mapping[str, Any],
    project: Project | None = None,
    visibility: int = Audience.PRIVATE,
    note_text: str = "",
) -> Prompt:
    """A prompt with its first revision; `content` as `clean_content` takes it, only `title` and `user` are needed.

    The caller has checked that `actor` is an editor of `project`. Raises ValidationError with a sentence for each
    wrong field, TooMany where a new account writes too many.
    """
    cleaned = clean_content(content)
    check_rate(actor, "prompt.create")
    prompt = _new(actor, project, visibility, cleaned)
    revision = _append(actor, prompt, cleaned, note_text)
    note("created", actor, prompt, revision=revision.pk, visibility=int(visibility))
    return prompt


@transaction.atomic
def revise(
    *, actor: User, prompt: Prompt, content: Mapping[str, Any], note_text: str = "", based_on: int | None = None
) -> PromptRevision:
    """Append a revision; where nothing differs from the latest, that one is returned and nothing is written.

    Raises ValidationError; also where `based_on`, the number that the editor started from, is no longer the latest.
    Raises TooMany after a flood.
    """
    cleaned = clean_content(content)
    prompt = _locked(prompt)
    if based_on is not None and based_on != prompt.revision_count:
        raise ValidationError(
            f"Somebody saved revision {prompt.revision_count} meanwhile. Copy your text, reload, and put it in again."
        )
    if prompt.head and prompt.head.content() == cleaned:
        return prompt.head
    check_rate(actor, "prompt.revise")
    revision = _append(actor, prompt, cleaned, note_text)
    note("revised", actor, prompt, revision=revision.pk, number=revision.number)
    return revision


@transaction.atomic
def restore(*, actor: User, prompt: Prompt, revision: PromptRevision) -> PromptRevision:
    """Append a copy of an older revision of the same prompt. Raises TooMany."""
    prompt = _locked(prompt)
    if prompt.head and prompt.head.content() == revision.content():
        return prompt.head
    check_rate(actor, "prompt.revise")
    restored = _append(actor, prompt, revision.content(), f"Restored revision {revision.number}")
    note("restored", actor, prompt, revision=restored.pk, number=restored.number, restored=revision.number)
    return restored


@transaction.atomic
def fork(*, actor: User, revision: PromptRevision, project: Project | None = None) -> Prompt:
    """A private copy of one revision that knows where it comes from. Raises TooMany."""
    check_rate(actor, "prompt.create")
    origin = revision.prompt
    content = revision.content()
    prompt = _new(actor, project, Audience.PRIVATE, content, forked_from=revision)
    first = _append(actor, prompt, content, f"Forked from revision {revision.number}")
    if origin.author_id != actor.pk:
        score = trending.with_event(trending.FORKED, timezone.now())
        Prompt.objects.filter(pk=origin.pk).update(trending=score)
    note("forked", actor, prompt, revision=first.pk, origin=origin.pk, forked_from=revision.pk)
    return prompt


def _new(actor: User, project: Project | None, visibility: int, content: Content, **more: Any) -> Prompt:
    return Prompt.objects.create(
        author=actor,
        project=project,
        visibility=Audience(visibility),
        trending=trending.event(trending.CREATED, timezone.now()),
        **head_fields(content),
        **more,
    )


def _locked(prompt: Prompt) -> Prompt:
    """Revisions of one prompt are written one after another, so that their numbers have no gaps."""
    rows = Prompt.objects.select_for_update(of=("self",), no_key=True).select_related("head")
    return rows.get(pk=prompt.pk)


def _append(actor: User, prompt: Prompt, content: Content, note_text: str) -> PromptRevision:
    prompt.revision_count += 1
    revision = PromptRevision.objects.create(
        prompt=prompt,
        number=prompt.revision_count,
        author=actor,
        note=one_line(note_text, MAX_NOTE_CHARS, "The note"),
        **content,
    )
    prompt.head = revision
    prompt.updated_at = revision.created_at
    for name, value in head_fields(content).items():
        setattr(prompt, name, value)
    prompt.save(update_fields=["head", "revision_count", "updated_at", "title", "summary", "tags", "body"])
    return revision
