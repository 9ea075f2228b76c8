"""Answers that a prompt of the library led to: each counts as a use of its revision, and who asked may rate it."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404

from apps.accounts.models import User
from apps.conversations.inputs import refused
from apps.conversations.serializers import JSON
from apps.prompts.access import get_revision_to_run
from apps.prompts.models import PromptRevision, PromptRun
from apps.prompts.runs import own_runs

GONE = "You can no longer run the prompt that this text came from. Send it again to ask without it."


def named(actor: User, revision_id: str | None) -> PromptRevision | None:
    """The revision that a send names. Raises Refused where `actor` may not run it, or not any more."""
    if revision_id is None:
        return None
    try:
        return get_revision_to_run(actor, revision_id)
    except (Http404, PermissionDenied):
        raise refused("prompt_gone", GONE, status=409) from None


def behind(actor: User, question_id: str) -> PromptRevision | None:
    """The revision that the first answer to this question came from, where `actor` may run it too."""
    runs = PromptRun.objects.filter(job__message__parent=question_id).order_by("created_at", "id")
    revision_id = runs.values_list("revision", flat=True).first()
    try:
        return get_revision_to_run(actor, revision_id) if revision_id else None
    except (Http404, PermissionDenied):
        return None


def with_runs(user: User, messages: list[JSON]) -> list[JSON]:
    """The same, with `run` (its id and rating) at each answer that came from a prompt and that `user` asked for.

    Two queries at most. What somebody rates is theirs alone, so it is never part of what a whole conversation is told.
    """
    jobs = [each["job"]["id"] for each in messages if each["job"]]
    runs = own_runs(user, jobs) if jobs else {}
    found = {job: {"id": run.pk, "rating": run.rating} for job, run in runs.items()}

    def run_of(message: JSON) -> JSON | None:
        return found.get(message["job"]["id"]) if message["job"] else None

    return [each | {"run": run} if (run := run_of(each)) else each for each in messages]
