"""In which order waiting jobs are taken: the one rule, in SQL, for claims and for the places that people are told.

A job's score is device time, in milliseconds; the smallest goes first:

    what its person used lately  (measured, halved every quotas.ledger.HALF_LIFE_SECONDS)
  + what their running jobs and their earlier waiting ones are expected to use
  - AGEING for every second that it waits

So the first job of somebody new goes before the second one of somebody with a hundred, and the jobs of those who used
less before those of who used more. Whoever waits gains on all that come later, so nobody waits for ever; a crowd of
waiting jobs holds up a new person by no more than AGEING of the time that it has waited itself.

What a person asks on a page comes before what their programs ask: the turns that their jobs have by this rule are dealt
out among them anew, so that nobody else's change.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from apps.quotas.ledger import HALF_LIFE_SECONDS

AGEING = 50.0
"""Milliseconds of device time for each second of waiting: a twentieth."""
UNMEASURED_MS = 1000.0
"""What a job of a model is expected to use before any was measured."""

# `person` stands for the job itself where its person has left. Running and queued jobs are read apart, each by the
# index of its state: most jobs are over.
RANKED = """
WITH usual AS (
    SELECT model_id, sum(device_ms) / NULLIF(sum(jobs), 0) AS device_ms FROM quotas_usagetotal
    WHERE subject = 'site' AND subject_id = '' AND day >= (now() AT TIME ZONE 'UTC')::date - 1
    GROUP BY model_id HAVING sum(device_ms) > 0
), version AS (
    SELECT version.id, version.hosted_model_id AS model_id, COALESCE(usual.device_ms, %(unmeasured)s) AS cost,
        version.hosted_model_id = ANY(%(models)s) AS is_wanted
    FROM catalog_modelversion AS version LEFT JOIN usual ON usual.model_id = version.hosted_model_id
), unfinished AS MATERIALIZED (
    SELECT job.id, job.state, job.created_at, job.from_program, version.model_id,
        COALESCE(job.user_id, job.id) AS person, version.cost
    FROM generations_generationjob AS job JOIN version ON version.id = job.model_version_id
    WHERE job.state = 'running'
    UNION ALL
    SELECT job.id, job.state, job.created_at, job.from_program, version.model_id,
        COALESCE(job.user_id, job.id) AS person, version.cost
    FROM generations_generationjob AS job JOIN version ON version.id = job.model_version_id
    WHERE job.state = 'queued' AND version.is_wanted
), busy AS (
    SELECT person, sum(cost) AS cost FROM unfinished WHERE state = 'running' GROUP BY person
), in_turn AS (
    SELECT waiting.id, waiting.person, waiting.created_at, waiting.cost,
        row_number() OVER (PARTITION BY waiting.person ORDER BY waiting.from_program, waiting.created_at, waiting.id)
            AS turn,
        COALESCE(recent.device_ms
            * power(0.5, GREATEST(0, EXTRACT(EPOCH FROM statement_timestamp() - recent.as_of)) / %(half_life)s), 0)
        + COALESCE(busy.cost, 0)
        + COALESCE(sum(waiting.cost) OVER (PARTITION BY waiting.person ORDER BY waiting.created_at, waiting.id
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)
        - %(ageing)s * GREATEST(0, EXTRACT(EPOCH FROM statement_timestamp() - waiting.created_at))::float8 AS score
    FROM unfinished AS waiting
    LEFT JOIN busy USING (person)
    LEFT JOIN quotas_recentuse AS recent ON recent.user_id = waiting.person
    WHERE waiting.state = 'queued'
), ranked AS (
    SELECT id, created_at, cost, nth_value(score, turn::int) OVER (PARTITION BY person ORDER BY created_at, id
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS score
    FROM in_turn
)
"""


def numbers(models: Collection[str]) -> dict[str, Any]:
    """The parameters of RANKED: `models` are the HostedModels whose jobs are looked at."""
    return {
        "models": list(models),
        "ageing": AGEING,
        "half_life": HALF_LIFE_SECONDS,
        "unmeasured": UNMEASURED_MS,
    }
