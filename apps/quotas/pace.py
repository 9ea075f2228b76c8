"""How much device time a model's jobs take, as measured today and yesterday."""

from __future__ import annotations

from apps.lib.prepared import prepared_cursor

PACE = """
SELECT COALESCE(sum(device_ms) / NULLIF(sum(tokens), 0), 0), COALESCE(sum(device_ms) / NULLIF(sum(jobs), 0), 0)
FROM quotas_usagetotal
WHERE subject = 'site' AND subject_id = '' AND model_id = %s AND day >= (now() AT TIME ZONE 'UTC')::date - 1
"""


def device_ms_per_token(model_id: str) -> float:
    """0 where nothing was measured."""
    return _pace(model_id)[0]


def device_ms_per_job(model_id: str) -> float:
    """0 where nothing was measured."""
    return _pace(model_id)[1]


def _pace(model_id: str) -> tuple[float, float]:
    with prepared_cursor() as cursor:
        cursor.execute(PACE, [model_id])
        per_token, per_job = cursor.fetchone()
    return float(per_token), float(per_job)
