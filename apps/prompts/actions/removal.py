"""Delete a prompt: it is gone for everybody at once, and erased when its time in the bin is over."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.prompts.models import Prompt
from apps.prompts.trail import note

PURGED_AT_ONCE = 200


@transaction.atomic
def delete(*, actor: User, prompt: Prompt) -> None:
    if Prompt.objects.filter(pk=prompt.pk, deleted_at=None).update(deleted_at=timezone.now()):
        note("deleted", actor, prompt)


@transaction.atomic
def undelete(*, actor: User, prompt: Prompt) -> None:
    if Prompt.objects.filter(pk=prompt.pk).exclude(deleted_at=None).update(deleted_at=None):
        note("undeleted", actor, prompt)


def purge_overdue() -> int:
    """Erase what was deleted CONVERSATION_BIN_DAYS ago or earlier, with revisions, comments and runs; how many."""
    before = timezone.now() - timedelta(days=settings.CONVERSATION_BIN_DAYS)
    overdue = Prompt.objects.filter(deleted_at__lt=before).order_by("deleted_at").values_list("pk", flat=True)
    return sum(_purge(prompt_id) for prompt_id in list(overdue[:PURGED_AT_ONCE]))


@transaction.atomic
def _purge(prompt_id: str) -> bool:
    rows = Prompt.objects.select_for_update(skip_locked=True).exclude(deleted_at=None)
    prompt = rows.filter(pk=prompt_id).first()
    if prompt is None:
        return False
    note("purged", None, prompt)
    prompt.delete()
    return True
