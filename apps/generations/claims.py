"""Who holds a job: claim, extend, give back, take away. Every statement is conditional and in database time.

`attempt` grows with every claim and fences all that its holder writes: whoever lost the lease changes no row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from apps.generations import trail
from apps.generations.fair_order import RANKED, numbers
from apps.generations.models import GenerationJob, State, long_of
from apps.lib.compiled import CompiledQuery, IsAny, Parameter
from apps.lib.prepared import prepared_cursor


class Held(NamedTuple):
    """A lease: a job and the attempt that its holder was given."""

    job: str
    attempt: int


READ_WITH = ("user", "project", "model_version__hosted_model", "model_version__base")
"""What is asked of a claimed job before it begins: whether it is still allowed, and what the engine is to do."""
CLAIMED = CompiledQuery(
    lambda: (
        GenerationJob.objects.filter(IsAny("pk", Parameter("jobs")))
        .select_related(*READ_WITH)
        .defer(*long_of("model_version", "model_version__base"))
        .order_by()
    )
)
SPARE = 64
"""How many jobs more than wanted are looked at: others may be taking some of them at this moment."""

# Chosen and taken in one statement: a job that another worker is about to take is passed over, and one that it has
# taken meanwhile is no longer queued when its row is locked. The statement may have begun before a job that it sees was
# made, by the clock of another machine: a wait is counted to the moment of taking, and is never less than nothing.
CHOOSE_AND_TAKE = """first AS MATERIALIZED (
    SELECT id, created_at, score FROM ranked ORDER BY score, created_at, id LIMIT %(limit)s + %(spare)s
), chosen AS (
    SELECT job.id, first.score FROM first JOIN generations_generationjob AS job ON job.id = first.id
    WHERE job.state = 'queued' ORDER BY first.score, first.created_at, first.id
    LIMIT %(limit)s FOR UPDATE OF job SKIP LOCKED
), taken AS (
    UPDATE generations_generationjob AS job SET state = 'running', attempt = attempt + 1, worker_id = %(worker)s,
        lease_until = statement_timestamp() + make_interval(secs => %(lease)s), started_at = clock_timestamp(),
        queue_ms = GREATEST(0, EXTRACT(EPOCH FROM clock_timestamp() - job.created_at) * 1000.0)
    FROM chosen WHERE job.id = chosen.id RETURNING job.id, chosen.score, job.created_at
)
SELECT id FROM taken ORDER BY score, created_at, id
"""

CLAIM = ", ".join((RANKED, CHOOSE_AND_TAKE))


@transaction.atomic(savepoint=False)
def claim(worker_id: str, hosted_models: Collection[str], limit: int) -> list[GenerationJob]:
    """Take up to `limit` waiting jobs for these models in their fair order; another worker's claims are passed over."""
    asked = {"worker": worker_id, "limit": limit, "spare": SPARE, "lease": settings.LEASE_SECONDS}
    with prepared_cursor() as cursor:
        cursor.execute(CLAIM, numbers(hosted_models) | asked)
        taken = [row[0] for row in cursor.fetchall()]
    if not taken:
        return []
    jobs = {job.pk: job for job in CLAIMED.all(jobs=taken)}
    return [jobs[job] for job in taken]


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
    with prepared_cursor() as cursor:
        cursor.execute(EXTEND, [settings.LEASE_SECONDS, [held.job for held in wanted], [h.attempt for h in wanted]])
        rows = cursor.fetchall()
    return Beat(
        held=frozenset(Held(job, attempt) for job, attempt, _ in rows),
        cancelled=frozenset(Held(job, attempt) for job, attempt, cancelled in rows if cancelled),
    )


TO_BE_CANCELLED = CompiledQuery(
    lambda: (
        GenerationJob.objects.filter(
            IsAny("pk", Parameter("jobs")), state=State.RUNNING, cancel_requested_at__isnull=False
        )
        .order_by()
        .values_list("pk", "attempt")
    )
)


def to_be_cancelled(leases: Iterable[Held]) -> list[Held]:
    """Those of these leases whose job a person wants stopped."""
    wanted = {held.job: held for held in leases}
    asked = TO_BE_CANCELLED.rows(jobs=list(wanted))
    return [wanted[job] for job, attempt in asked if wanted[job].attempt == attempt]


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
