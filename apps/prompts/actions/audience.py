"""Who may see, run and fork a prompt, and which of its revisions is the one to use."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction

from apps.accounts.models import User
from apps.projects.models import Project
from apps.prompts.models import Audience, Prompt, PromptRevision
from apps.prompts.trail import note


@transaction.atomic
def set_visibility(*, actor: User, prompt: Prompt, visibility: int, project: Project | None = None) -> None:
    """As `set_audience`, where only who may see it changes."""
    set_audience(
        actor=actor,
        prompt=prompt,
        visibility=visibility,
        run=prompt.run_audience,
        fork=prompt.fork_audience,
        project=project or prompt.project,
    )


@transaction.atomic
def set_audience(
    *, actor: User, prompt: Prompt, visibility: int, run: int, fork: int, project: Project | None = None
) -> None:
    """Who may see it, run it and fork it; with `project` it belongs to that project, without one to its author.

    The caller has checked that `actor` is an editor of `project`. Raises ValidationError.
    """
    if visibility == Audience.PROJECT and project is None:
        raise ValidationError({"project": "Choose the project whose members may see it."})
    if project is None and prompt.author_id is None:
        raise ValidationError({"project": "Its author has left: choose the project that it belongs to."})
    fields = {
        "visibility": Audience(visibility),
        "run_audience": Audience(run),
        "fork_audience": Audience(fork),
        "project": project,
    }
    before = {name: getattr(prompt, name) for name in fields}
    if before == fields:
        return
    for name, value in fields.items():
        setattr(prompt, name, value)
    prompt.save(update_fields=list(fields))
    note(
        "audience.changed",
        actor,
        prompt,
        visibility=int(visibility),
        run=int(run),
        fork=int(fork),
        was=int(before["visibility"]),
    )


@transaction.atomic
def set_production(*, actor: User, prompt: Prompt, revision: PromptRevision | None) -> None:
    """Label a revision of this prompt as the one to use, or none: then it is the latest."""
    if revision is not None and revision.prompt_id != prompt.pk:
        raise ValueError("A prompt's production revision is one of its own.")
    if prompt.production_id == (revision.pk if revision else None):
        return
    prompt.production = revision
    prompt.save(update_fields=["production"])
    note("production.changed", actor, prompt, number=revision.number if revision else None)
