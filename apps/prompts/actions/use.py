"""Use a prompt, and say what the answer was worth."""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from apps.accounts.models import User
from apps.generations.models import GenerationJob
from apps.prompts import trending
from apps.prompts.models import Prompt, PromptRevision, PromptRun
from apps.prompts.trail import note

COUNTS_AGAIN = timedelta(hours=12)
"""How soon another use by the same person moves the score again."""


@transaction.atomic
def record_use(*, actor: User, revision: PromptRevision, job: GenerationJob | None = None) -> PromptRun:
    """Count one use; `job` is the generation it went into, where that is known already."""
    prompt = revision.prompt
    now = timezone.now()
    lately = PromptRun.objects.filter(revision__prompt=prompt, user=actor, created_at__gt=now - COUNTS_AGAIN)
    moves = prompt.author_id != actor.pk and not lately.exists()
    model = job.model_version.hosted_model_id if job else ""
    run = PromptRun.objects.create(revision=revision, user=actor, job=job, model_id=model)
    score = trending.with_event(trending.USED, now) if moves else F("trending")
    Prompt.objects.filter(pk=prompt.pk).update(use_count=F("use_count") + 1, trending=score)
    note("used", actor, prompt, revision=revision.pk, job=job.pk if job else None)
    return run


@transaction.atomic
def rate_run(*, actor: User, run: PromptRun, rating: int | None) -> None:
    """1 to 5, None takes it back. Raises ValidationError."""
    if rating is not None and (isinstance(rating, bool) or not isinstance(rating, int) or not 1 <= rating <= 5):
        raise ValidationError("A rating is a number from 1 to 5.")
    if PromptRun.objects.filter(pk=run.pk, user=actor).exclude(rating=rating).update(rating=rating):
        run.rating = rating
        note("rated", actor, run.revision.prompt, revision=run.revision_id, rating=rating)
