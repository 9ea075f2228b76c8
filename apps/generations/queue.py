"""Where a job stands, and what it used."""

from __future__ import annotations

from django.db.models import Count, Q, QuerySet

from apps.generations.models import GenerationJob, State
from apps.generations.presence import is_served


def position(job: GenerationJob) -> int:
    """1 for the next one to be taken; 0 where the job doesn't wait. One query."""
    if job.state != State.QUEUED:
        return 0
    return 1 + _ahead_of(job).count()


def _ahead_of(job: GenerationJob) -> QuerySet[GenerationJob]:
    before = Q(created_at__lt=job.created_at) | Q(created_at=job.created_at, pk__lt=job.pk)
    return GenerationJob.objects.filter(before, state=State.QUEUED, model_version_id=job.model_version_id)


def reason_of_wait(job: GenerationJob) -> str:
    """`no_worker` where none that is alive serves the job's model, else ""."""
    return "" if is_served(job.model_version.hosted_model_id) else "no_worker"


def unfinished_by_model() -> dict[tuple[str, str], int]:
    """How many jobs there are by (HostedModel id, state): for metrics."""
    rows = (
        GenerationJob.objects.filter(state__in=(State.QUEUED, State.RUNNING))
        .values_list("model_version__hosted_model_id", "state")
        .annotate(number=Count("pk"))
        .order_by()
    )
    return {(model, state): number for model, state, number in rows}


def usage_of(job: GenerationJob) -> dict[str, float | int | None]:
    """Counts and times in milliseconds, None where not measured."""
    return {
        "prompt_tokens": job.prompt_tokens,
        "completion_tokens": job.completion_tokens,
        "queue_ms": _rounded(job.queue_ms),
        "ttft_ms": _rounded(job.ttft_ms),
        "decode_ms": _rounded(job.decode_ms),
        "tokens_per_second": tokens_per_second(job),
    }


def tokens_per_second(job: GenerationJob) -> float | None:
    """The rate between the first token and the last; None below two tokens."""
    if not job.decode_ms or job.completion_tokens < 2:
        return None
    return round((job.completion_tokens - 1) / job.decode_ms * 1000, 1)


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
