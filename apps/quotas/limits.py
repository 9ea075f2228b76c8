"""Which quotas apply to somebody, and how far each is used. By the database's clock, in UTC."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

from apps.lib.prepared import prepared_cursor
from apps.quotas.models import Metric, Period, Subject

WARN_PERCENT = 80
LOCK = "pg_advisory_xact_lock(hashtextextended('quota:' || kind || ':' || subject_id, 0))"
"""Until the end of the transaction, so that of two submits at once the second counts the first."""
NO_LOCK = "NULL"

# The one for a person goes before the one for every person. The order of the inner query is that of the locks: the
# same everywhere, so that nobody waits in a circle.
APPLICABLE = """
WITH own AS (
    SELECT DISTINCT ON (kind, metric, period) kind, metric, period, "limit",
        CASE kind WHEN 'user' THEN %(user)s WHEN 'project' THEN %(project)s ELSE '' END AS subject_id
    FROM (
        SELECT *, CASE subject WHEN 'every_user' THEN 'user' ELSE subject END AS kind FROM quotas_quota
        WHERE metric = ANY(%(metrics)s) AND (
            subject = 'site' OR user_id = %(user)s OR project_id = %(project)s
            OR (subject = 'every_user' AND %(user)s <> ''))
    ) AS mine
    ORDER BY kind, metric, period, subject = 'every_user'
)
SELECT kind, subject_id, metric, period, "limit", (now() AT TIME ZONE 'UTC')::date, {lock}
FROM (SELECT * FROM own WHERE "limit" IS NOT NULL ORDER BY kind, subject_id, metric, period OFFSET 0) AS ordered
"""

# A day's usage counts from that day on: should the clock go back, what was used "tomorrow" is not forgotten.
USED = """
SELECT
    CASE given.metric WHEN 'tokens' THEN total.tokens WHEN 'images' THEN total.images
        WHEN 'device_seconds' THEN total.device_ms / 1000 ELSE 0 END::float8,
    CASE given.metric WHEN 'tokens' THEN total.reserved_tokens WHEN 'images' THEN total.reserved_images
        WHEN 'device_seconds' THEN total.reserved_device_ms / 1000 ELSE unfinished.jobs END::float8
FROM unnest(%s::text[], %s::text[], %s::text[], %s::date[])
    WITH ORDINALITY AS given (kind, subject_id, metric, since, place)
CROSS JOIN LATERAL (
    SELECT COALESCE(sum(tokens), 0) AS tokens, COALESCE(sum(images), 0) AS images,
        COALESCE(sum(device_ms), 0) AS device_ms, COALESCE(sum(reserved_tokens), 0) AS reserved_tokens,
        COALESCE(sum(reserved_images), 0) AS reserved_images,
        COALESCE(sum(reserved_device_ms), 0) AS reserved_device_ms
    FROM quotas_usagetotal
    WHERE subject = given.kind AND subject_id = given.subject_id AND day >= given.since
        AND given.metric <> 'concurrent_jobs'
) AS total
CROSS JOIN LATERAL (
    SELECT COALESCE(sum(open_jobs), 0) AS jobs FROM quotas_usagetotal
    WHERE subject = given.kind AND subject_id = given.subject_id AND open_jobs > 0
        AND given.metric = 'concurrent_jobs'
) AS unfinished
ORDER BY given.place
"""


@dataclass(frozen=True, slots=True)
class Limit:
    """A quota as it applies to one subject. `today` is the database's."""

    subject: Subject
    subject_id: str
    metric: Metric
    period: Period
    limit: int
    today: date

    @property
    def since(self) -> date:
        """The first day that counts."""
        return self.today.replace(day=1) if self.period == Period.MONTH else self.today


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a limit is used: measured, and set aside for jobs that have not ended. In tokens, pictures, seconds."""

    limit: Limit
    used: float
    reserved: float

    @property
    def taken(self) -> float:
        return self.used + self.reserved

    @property
    def left(self) -> float:
        return max(0.0, self.limit.limit - self.taken)

    @property
    def percent(self) -> float:
        """May be over 100: a quota can be made smaller after the fact, and device time is known only afterwards."""
        return 100.0 * self.taken / self.limit.limit if self.limit.limit else 100.0


def database_today() -> date:
    """In UTC, by the database's clock."""
    with prepared_cursor() as cursor:
        cursor.execute("SELECT (now() AT TIME ZONE 'UTC')::date")
        today: date = cursor.fetchone()[0]
    return today


def applicable(
    *, user_id: str = "", project_id: str = "", metrics: Collection[str] = tuple(Metric.values), locked: bool = False
) -> list[Limit]:
    """The limits for a person, a project and the site; `locked` until the transaction ends. One statement."""
    statement = APPLICABLE.format(lock=LOCK if locked else NO_LOCK)
    with prepared_cursor() as cursor:
        cursor.execute(statement, {"user": user_id, "project": project_id, "metrics": list(metrics)})
        return [
            Limit(Subject(kind), subject_id, Metric(metric), Period(period), limit, today)
            for kind, subject_id, metric, period, limit, today, _ in cursor.fetchall()
        ]


def standings(limits: Iterable[Limit]) -> list[Standing]:
    """In the order of `limits`; one statement, none where there are no limits."""
    asked = list(limits)
    if not asked:
        return []
    columns = [[str(each.subject) for each in asked], [each.subject_id for each in asked]]
    columns += [[str(each.metric) for each in asked]]
    with prepared_cursor() as cursor:
        cursor.execute(USED, [*columns, [each.since for each in asked]])
        return [Standing(each, *row) for each, row in zip(asked, cursor.fetchall(), strict=True)]
