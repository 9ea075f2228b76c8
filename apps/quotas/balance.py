"""Does the ledger balance? Sums it up again and compares with the totals."""

from __future__ import annotations

from django.db import connection

BALANCE = """
WITH entry AS (
    SELECT whose.subject, whose.subject_id, ledger.*, ended.job_id IS NULL AS is_open
    FROM quotas_ledgerentry AS ledger
    LEFT JOIN quotas_ledgerentry AS ended ON ended.job_id = ledger.job_id AND ended.kind = 'settle'
    CROSS JOIN LATERAL (VALUES ('site', ''), ('project', ledger.project_id), ('user', ledger.user_id))
        AS whose (subject, subject_id)
    WHERE whose.subject = 'site' OR whose.subject_id <> ''
), summed AS (
    SELECT subject, subject_id, model_id, day, slot,
        COALESCE(sum(tokens) FILTER (WHERE kind = 'settle'), 0) AS tokens,
        COALESCE(sum(images) FILTER (WHERE kind = 'settle'), 0) AS images,
        COALESCE(sum(device_ms) FILTER (WHERE kind = 'settle'), 0) AS device_ms,
        COALESCE(sum(cost_micros) FILTER (WHERE kind = 'settle'), 0) AS cost_micros,
        count(*) FILTER (WHERE kind = 'settle' AND (tokens > 0 OR images > 0 OR device_ms > 0)) AS jobs,
        count(*) FILTER (WHERE kind = 'reserve' AND is_open) AS open_jobs,
        COALESCE(sum(tokens) FILTER (WHERE kind = 'reserve' AND is_open), 0) AS reserved_tokens,
        COALESCE(sum(images) FILTER (WHERE kind = 'reserve' AND is_open), 0) AS reserved_images,
        COALESCE(sum(device_ms) FILTER (WHERE kind = 'reserve' AND is_open), 0) AS reserved_device_ms
    FROM entry GROUP BY subject, subject_id, model_id, day, slot
)
SELECT subject, subject_id, model_id, day::text
FROM summed FULL JOIN quotas_usagetotal AS total USING (subject, subject_id, model_id, day, slot)
WHERE (summed.tokens, summed.images, summed.cost_micros, summed.jobs, summed.open_jobs, summed.reserved_tokens,
        summed.reserved_images)
    IS DISTINCT FROM (total.tokens, total.images, total.cost_micros, total.jobs, total.open_jobs, total.reserved_tokens,
        total.reserved_images)
    OR abs(summed.device_ms - total.device_ms) > 0.001 * (1 + abs(summed.device_ms))
    OR abs(summed.reserved_device_ms - total.reserved_device_ms) > 0.001 * (1 + abs(summed.reserved_device_ms))
ORDER BY 1, 2, 3, 4
"""


def differences() -> list[tuple[str, str, str, str]]:
    """(subject, subject id, model, day) of totals that are not the sum of their entries; none where all is well."""
    with connection.cursor() as cursor:
        cursor.execute(BALANCE)
        return list(cursor.fetchall())
