"""What a person may take with them, and what goes when they delete their account."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from apps.accounts.deletion import register_deletion_hook
from apps.accounts.export import register_exporter
from apps.accounts.models import User
from apps.prompts.models import Audience, Comment, Prompt, PromptRevision, PromptRun

REVISION = (
    "prompt_id", "number", "created_at", "note", "title", "summary", "system", "user", "variables", "model_id",
    "params", "tags", "licence",
)  # fmt: skip


def prompts(user: User) -> list[dict[str, Any]]:
    """Every revision that this person wrote."""
    rows = PromptRevision.objects.filter(author=user, prompt__deleted_at=None)
    return list(rows.order_by("created_at").values(*REVISION))


def prompt_comments(user: User) -> list[dict[str, Any]]:
    rows = Comment.objects.filter(author=user, deleted_at=None)
    return [dict(row) for row in rows.values("prompt_id", "text", "created_at")]


def prompt_runs(user: User) -> list[dict[str, Any]]:
    rows = PromptRun.objects.filter(user=user)
    return [dict(row) for row in rows.values("revision_id", "job_id", "model_id", "rating", "created_at")]


def forget(user: User) -> None:
    """What nobody else saw goes with its author, and so do their stars. The rest stays, without their name."""
    Prompt.objects.filter(stars__user=user).update(star_count=F("star_count") - 1)
    Prompt.objects.filter(author=user, visibility=Audience.PRIVATE).delete()


def register() -> None:
    for exporter in (prompts, prompt_comments, prompt_runs):
        register_exporter(exporter.__name__, exporter)
    register_deletion_hook(forget)
