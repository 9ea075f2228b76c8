"""Where a job stands, and what it used."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Count

from apps.catalog.models import ModelVersion
from apps.generations.fair_order import RANKED, numbers
from apps.generations.models import GenerationJob, Kind, State
from apps.generations.presence import workers_for
from apps.lib.prepared import prepared_cursor

MINE = "mine AS MATERIALIZED (SELECT score, created_at, id FROM ranked WHERE id = %(job)s)"
# Of a job that isn't there yet, and that its person asks for, not a program of theirs.
WOULD_BE = """mine AS MATERIALIZED (
    SELECT statement_timestamp() AS created_at, '' AS id,
        COALESCE((SELECT device_ms
            * power(0.5, GREATEST(0, EXTRACT(EPOCH FROM statement_timestamp() - as_of)) / %(half_life)s)
            FROM quotas_recentuse WHERE user_id = %(person)s), 0)
        + COALESCE((SELECT sum(cost) FROM unfinished
            WHERE person = %(person)s AND (state = 'running' OR NOT from_program)), 0) AS score
)"""
BEFORE_MINE = """
SELECT count(*) FILTER (WHERE (ranked.score, ranked.created_at, ranked.id) < (mine.score, mine.created_at, mine.id)),
    COALESCE(sum(ranked.cost) FILTER (
        WHERE (ranked.score, ranked.created_at, ranked.id) < (mine.score, mine.created_at, mine.id)), 0)::float8,
    (SELECT count(*) FROM unfinished WHERE state = 'running' AND model_id = ANY(%(models)s)),
    (SELECT device_ms FROM usual WHERE model_id = %(model)s),
    (SELECT min(seconds) FROM generations_loadtime WHERE version_id = %(version)s AND device = ANY(%(devices)s))
FROM mine LEFT JOIN ranked ON true
"""

PLACE = f"{RANKED}, {MINE} {BEFORE_MINE}"
PLACE_TO_COME = f"{RANKED}, {WOULD_BE} {BEFORE_MINE}"


class Place(NamedTuple):
    """`position` is 1 for the next one to be taken, 0 where the job doesn't wait.

    `starts_in` is an estimate in seconds, the loading of a model that no worker has in memory included; None where
    nothing was measured yet or nobody would take it; `reason` is `no_worker` then, else "".
    """

    position: int
    starts_in: int | None
    reason: str


def place_of(job: GenerationJob) -> Place:
    """Where a job stands in the fair order of the workers that serve its model. Two queries."""
    if job.state != State.QUEUED:
        return Place(0, None, "")
    return _place(PLACE, job.model_version, {"job": job.pk})


def place_to_come(user_id: str, version: ModelVersion) -> Place:
    """Where a job of this person would stand if it were submitted now. Two queries."""
    return _place(PLACE_TO_COME, version, {"person": user_id})


def _place(statement: str, version: ModelVersion, whose: dict[str, str]) -> Place:
    model = version.hosted_model_id
    workers = workers_for(model)
    models = {model}.union(*(worker.serves for worker in workers))
    is_loaded = any(version.engine_key in worker.loaded for worker in workers)
    devices = [] if is_loaded else [worker.device for worker in workers]
    wanted = {"model": model, "version": version.base_id or version.pk, "devices": devices, **whose}
    with prepared_cursor() as cursor:
        cursor.execute(statement, numbers(models) | wanted)
        ahead, device_ms, running, usual_ms, load_seconds = cursor.fetchone()
    if not workers:
        return Place(ahead + 1, None, "no_worker")
    to_end = ahead + running + 1 - sum(worker.slots for worker in workers)
    if usual_ms is None and to_end > 0:
        return Place(ahead + 1, None, "")
    each_ms = device_ms / ahead if ahead else usual_ms or 0.0
    wait = max(0, to_end) * each_ms / 1000 / len(workers)
    return Place(ahead + 1, _rough(wait + (load_seconds or 0.0)), "")


def position(job: GenerationJob) -> int:
    """1 for the next one to be taken; 0 where the job doesn't wait."""
    return place_of(job).position


def _rough(seconds: float) -> int:
    """To 5 s below a minute, to 30 s below ten, to minutes above: an estimate should not pretend, nor jitter."""
    step = 5 if seconds < 60 else 30 if seconds < 600 else 60
    return step * round(seconds / step)


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
    """Counts and times in milliseconds, None where not measured; whether the counts are `estimated`."""
    if job.kind == Kind.IMAGE:
        return {
            "steps": job.steps,
            "queue_ms": _rounded(job.queue_ms),
            "ttft_ms": _rounded(job.ttft_ms),
            "decode_ms": _rounded(job.decode_ms),
            "device_ms": _rounded(job.device_ms),
        }
    return {
        "prompt_tokens": job.prompt_tokens,
        "completion_tokens": job.completion_tokens,
        "reasoning_tokens": job.reasoning_tokens,
        "queue_ms": _rounded(job.queue_ms),
        "ttft_ms": _rounded(job.ttft_ms),
        "decode_ms": _rounded(job.decode_ms),
        "reasoning_ms": _rounded(job.reasoning_ms),
        "device_ms": _rounded(job.device_ms),
        "tokens_per_second": tokens_per_second(job),
        "estimated": job.usage_estimated,
    }


def tokens_per_second(job: GenerationJob) -> float | None:
    """The rate between the first token and the last; None below two tokens."""
    if not job.decode_ms or job.completion_tokens < 2:
        return None
    return round((job.completion_tokens - 1) / job.decode_ms * 1000, 1)


def _rounded(milliseconds: float | None) -> float | None:
    return None if milliseconds is None else round(milliseconds, 1)
