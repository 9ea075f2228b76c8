"""Who holds a job: claim, extend, give back, take away. Every statement is conditional and in database time.

`attempt` grows with every claim and fences all that its holder writes: whoever lost the lease changes no row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import NamedTuple

from django.conf import settings
from django.db import connection, transaction
from django.db.models import DurationField, ExpressionWrapper, F, FloatField, Func
from django.db.models.functions import Now

from apps.generations import trail
from apps.generations.models import GenerationJob, State


class Held(NamedTuple):
    """A lease: a job and the attempt that its holder was given."""

    job: str
    attempt: int


class _Milliseconds(Func):
    template = "EXTRACT(EPOCH FROM %(expressions)s) * 1000.0"
    output_field = FloatField()


def _lease_end() -> object:
    return Now() + timedelta(seconds=settings.LEASE_SECONDS)


@transaction.atomic
def claim(worker_id: str, hosted_models: Collection[str], limit: int) -> list[GenerationJob]:
    """Take up to `limit` of the longest waiting jobs for these models; another worker's claims are passed over."""
    waiting = GenerationJob.objects.select_for_update(skip_locked=True, of=("self",)).select_related("model_version")
    waiting = waiting.filter(state=State.QUEUED, model_version__hosted_model_id__in=hosted_models)
    jobs = list(waiting.order_by("created_at", "pk")[:limit])
    if jobs:
        waited = ExpressionWrapper(Now() - F("created_at"), output_field=DurationField())
        GenerationJob.objects.filter(pk__in=[job.pk for job in jobs]).update(
            state=State.RUNNING,
            attempt=F("attempt") + 1,
            worker_id=worker_id,
            lease_until=_lease_end(),
            started_at=Now(),
            queue_ms=_Milliseconds(waited),
        )
    for job in jobs:
        job.state, job.attempt, job.worker_id = State.RUNNING, job.attempt + 1, worker_id
    return jobs


class Beat(NamedTuple):
    """What became of leases: those still held, and of these the ones to be cancelled."""

    held: frozenset[Held]
    cancelled: frozenset[Held]


EXTEND = """
UPDATE generations_generationjob AS job SET lease_until = statement_timestamp() + make_interval(secs => %s)
FROM unnest(%s::varchar[], %s::int[]) AS mine (id, attempt)
WHERE job.id = mine.id AND job.attempt = mine.attempt AND job.state = 'running'
RETURNING job.id, job.attempt, job.cancel_requested_at IS NOT NULL
"""


def extend(leases: Iterable[Held]) -> Beat:
    """Heartbeat: extend those leases that are still ours, one that ran out but was not taken away included."""
    wanted = list(leases)
    if not wanted:
        return Beat(frozenset(), frozenset())
    with connection.cursor() as cursor:
        cursor.execute(EXTEND, [settings.LEASE_SECONDS, [held.job for held in wanted], [h.attempt for h in wanted]])
        rows = cursor.fetchall()
    return Beat(
        held=frozenset(Held(job, attempt) for job, attempt, _ in rows),
        cancelled=frozenset(Held(job, attempt) for job, attempt, cancelled in rows if cancelled),
    )


def to_be_cancelled(leases: Iterable[Held]) -> list[Held]:
    """Those of these leases whose job a person wants stopped."""
    wanted = {held.job: held for held in leases}
    asked = GenerationJob.objects.filter(pk__in=wanted, state=State.RUNNING, cancel_requested_at__isnull=False)
    return [wanted[job] for job, attempt in asked.values_list("pk", "attempt") if wanted[job].attempt == attempt]


@transaction.atomic
def release(held: Held) -> bool:
    """Put a job back into the queue at once, in its old place. False where the lease was lost before, and where a
    person wants it stopped: that needs an end."""
    rows = GenerationJob.objects.filter(pk=held.job, attempt=held.attempt, state=State.RUNNING)
    rows = rows.filter(cancel_requested_at=None)
    if not rows.update(state=State.QUEUED, worker_id="", lease_until=None):
        return False
    trail.requeued(GenerationJob.objects.get(pk=held.job), reason="shutdown")
    return True
