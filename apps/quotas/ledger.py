"""Writing to the ledger and to its totals, both in one statement: they can't differ."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from apps.lib.prepared import prepared_cursor
from apps.quotas.models import SLOTS

HALF_LIFE_SECONDS = 600
"""After so long, device time that somebody used counts half for the order of the queue."""

# The totals are written in the same order everywhere, so that two transactions can't wait for each other.
RESERVE = """
WITH entry AS (
    INSERT INTO quotas_ledgerentry
        (at, kind, job_id, user_id, project_id, model_id, day, slot, tokens, images, device_ms, cost_micros)
    VALUES (statement_timestamp(), 'reserve', %(job)s, %(user)s, %(project)s, %(model)s,
        (now() AT TIME ZONE 'UTC')::date, pg_backend_pid() %% %(slots)s, %(tokens)s, %(images)s, %(device_ms)s, 0)
    ON CONFLICT (job_id, kind) DO NOTHING
    RETURNING *
)
INSERT INTO quotas_usagetotal AS total
    (subject, subject_id, model_id, day, slot, open_jobs, reserved_tokens, reserved_images, reserved_device_ms)
SELECT whose.subject, whose.subject_id, model_id, day, slot, 1, tokens, images, device_ms
FROM entry CROSS JOIN LATERAL (VALUES ('site', ''), ('project', project_id), ('user', user_id))
    AS whose (subject, subject_id)
ORDER BY whose.subject, whose.subject_id
ON CONFLICT (subject, subject_id, day, model_id, slot) DO UPDATE SET
    open_jobs = total.open_jobs + 1,
    reserved_tokens = total.reserved_tokens + EXCLUDED.reserved_tokens,
    reserved_images = total.reserved_images + EXCLUDED.reserved_images,
    reserved_device_ms = total.reserved_device_ms + EXCLUDED.reserved_device_ms
"""

# A job settles once: the second entry of its kind is not written, and then no total changes. One without a
# reservation (it was queued before there was a ledger) is booked all the same. Where device time was not measured,
# that of the model's other tokens stands in for it.
SETTLE = """
WITH given AS (
    SELECT * FROM unnest(%(jobs)s::text[], %(users)s::text[], %(projects)s::text[], %(models)s::text[],
        %(tokens)s::bigint[], %(images)s::bigint[], %(device_ms)s::float8[])
        AS given (job_id, user_id, project_id, model_id, tokens, images, device_ms)
), measured AS (
    SELECT given.job_id, COALESCE(reserved.user_id, given.user_id) AS user_id, given.project_id, given.model_id,
        COALESCE(reserved.day, (now() AT TIME ZONE 'UTC')::date) AS day,
        COALESCE(reserved.slot, pg_backend_pid() %% %(slots)s) AS slot, given.tokens, given.images,
        CASE WHEN given.device_ms IS NOT NULL THEN given.device_ms WHEN given.tokens = 0 THEN 0 ELSE (
            SELECT COALESCE(sum(device_ms) / NULLIF(sum(tokens), 0), 0) * given.tokens FROM quotas_usagetotal AS usual
            WHERE usual.subject = 'site' AND usual.subject_id = '' AND usual.model_id = given.model_id
                AND usual.day >= (now() AT TIME ZONE 'UTC')::date - 1) END AS device_ms
    FROM given LEFT JOIN quotas_ledgerentry AS reserved
        ON reserved.job_id = given.job_id AND reserved.kind = 'reserve'
), entry AS (
    INSERT INTO quotas_ledgerentry
        (at, kind, job_id, user_id, project_id, model_id, day, slot, tokens, images, device_ms, cost_micros)
    SELECT statement_timestamp(), 'settle', job_id, user_id, project_id, model_id, day, slot, tokens, images,
        device_ms, round(device_ms * 1000 * COALESCE(
            (SELECT per_second FROM quotas_price WHERE hosted_model_id = measured.model_id),
            (SELECT per_second FROM quotas_price WHERE hosted_model_id IS NULL), 0)::float8)
    FROM measured ORDER BY job_id
    ON CONFLICT (job_id, kind) DO NOTHING
    RETURNING *
), lately AS (
    INSERT INTO quotas_recentuse AS recent (user_id, device_ms, as_of)
    SELECT user_id, sum(device_ms), now() FROM entry WHERE user_id <> '' AND device_ms > 0
    GROUP BY user_id ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET as_of = GREATEST(recent.as_of, EXCLUDED.as_of),
        device_ms = EXCLUDED.device_ms + recent.device_ms
            * power(0.5, GREATEST(0, EXTRACT(EPOCH FROM EXCLUDED.as_of - recent.as_of)) / %(half_life)s)
), added AS (
    INSERT INTO quotas_usagetotal AS total
        (subject, subject_id, model_id, day, slot, jobs, tokens, images, device_ms, cost_micros,
         open_jobs, reserved_tokens, reserved_images, reserved_device_ms)
    SELECT whose.subject, whose.subject_id, entry.model_id, entry.day, entry.slot,
        count(*) FILTER (WHERE entry.tokens > 0 OR entry.images > 0 OR entry.device_ms > 0),
        sum(entry.tokens), sum(entry.images), sum(entry.device_ms), sum(entry.cost_micros), -count(reserved.id),
        -COALESCE(sum(reserved.tokens), 0), -COALESCE(sum(reserved.images), 0), -COALESCE(sum(reserved.device_ms), 0)
    FROM entry
    LEFT JOIN quotas_ledgerentry AS reserved ON reserved.job_id = entry.job_id AND reserved.kind = 'reserve'
    CROSS JOIN LATERAL (VALUES ('site', ''), ('project', entry.project_id), ('user', entry.user_id))
        AS whose (subject, subject_id)
    WHERE whose.subject = 'site' OR whose.subject_id <> ''
    GROUP BY whose.subject, whose.subject_id, entry.model_id, entry.day, entry.slot
    ORDER BY whose.subject, whose.subject_id, entry.model_id, entry.day, entry.slot
    ON CONFLICT (subject, subject_id, day, model_id, slot) DO UPDATE SET
        jobs = total.jobs + EXCLUDED.jobs, tokens = total.tokens + EXCLUDED.tokens,
        images = total.images + EXCLUDED.images, device_ms = total.device_ms + EXCLUDED.device_ms,
        cost_micros = total.cost_micros + EXCLUDED.cost_micros, open_jobs = total.open_jobs + EXCLUDED.open_jobs,
        reserved_tokens = total.reserved_tokens + EXCLUDED.reserved_tokens,
        reserved_images = total.reserved_images + EXCLUDED.reserved_images,
        reserved_device_ms = total.reserved_device_ms + EXCLUDED.reserved_device_ms
)
SELECT model_id, count(*) FILTER (WHERE tokens > 0 OR images > 0 OR device_ms > 0),
    sum(tokens)::bigint, sum(images)::bigint, sum(device_ms)
FROM entry GROUP BY model_id
"""


@dataclass(frozen=True, slots=True)
class Amount:
    tokens: int = 0
    images: int = 0
    device_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Measured:
    """What a job used up to its end. `device_ms` None where nobody could measure it; `user_id` "" where they left."""

    job_id: str
    user_id: str
    project_id: str
    model_id: str
    tokens: int
    images: int = 0
    device_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What one statement booked for a model; `jobs` are those that used anything."""

    model_id: str
    jobs: int
    tokens: int
    images: int
    device_ms: float


def write_reservation(*, job_id: str, user_id: str, project_id: str, model_id: str, amount: Amount) -> None:
    """One statement."""
    given: dict[str, Any] = {"job": job_id, "user": user_id, "project": project_id, "model": model_id, "slots": SLOTS}
    given |= {"tokens": amount.tokens, "images": amount.images, "device_ms": amount.device_ms}
    with prepared_cursor() as cursor:
        cursor.execute(RESERVE, given)


def write_settlements(measured: Iterable[Measured]) -> list[Settled]:
    """One statement for all; a job that is settled already changes nothing, and is not in the result."""
    rows = list(measured)
    if not rows:
        return []
    columns: dict[str, Any] = {
        "jobs": [row.job_id for row in rows],
        "users": [row.user_id for row in rows],
        "projects": [row.project_id for row in rows],
        "models": [row.model_id for row in rows],
        "tokens": [row.tokens for row in rows],
        "images": [row.images for row in rows],
        "device_ms": [row.device_ms for row in rows],
    }
    with prepared_cursor() as cursor:
        cursor.execute(SETTLE, columns | {"slots": SLOTS, "half_life": HALF_LIFE_SECONDS})
        return [Settled(*row) for row in cursor.fetchall()]
