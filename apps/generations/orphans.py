"""Reservations whose job is gone without an end: its project was deleted, and its jobs with it."""

from __future__ import annotations

from django.db import connection, transaction

from apps.quotas.actions import settle
from apps.quotas.ledger import Measured

# Slots with something open lead to the few entries that are worth a look: the ledger itself only grows.
FIND = """
SELECT reserved.job_id, reserved.user_id, reserved.project_id, reserved.model_id,
    CASE WHEN job.attempt > 0 THEN job.prompt_tokens + job.completion_tokens ELSE 0 END, job.device_ms,
    CASE WHEN job.kind = 'image' AND job.state = 'succeeded' THEN 1 ELSE 0 END
FROM quotas_usagetotal AS total
JOIN quotas_ledgerentry AS reserved ON reserved.kind = 'reserve' AND reserved.day = total.day
    AND reserved.slot = total.slot AND reserved.model_id = total.model_id
LEFT JOIN quotas_ledgerentry AS settled ON settled.kind = 'settle' AND settled.job_id = reserved.job_id
LEFT JOIN generations_generationjob AS job ON job.id = reserved.job_id
WHERE total.subject = 'site' AND total.subject_id = '' AND total.open_jobs > 0 AND settled.id IS NULL
    AND (job.id IS NULL OR job.state IN ('succeeded', 'failed', 'cancelled'))
ORDER BY reserved.id LIMIT 500
"""


@transaction.atomic
def settle_orphans() -> int:
    """Free what was set aside for jobs that nobody will bring to an end any more; how many."""
    with connection.cursor() as cursor:
        cursor.execute(FIND)
        rows = cursor.fetchall()
    settle(
        Measured(job, user, project, model, tokens, images, device_ms)
        for job, user, project, model, tokens, device_ms, images in rows
    )
    return len(rows)
