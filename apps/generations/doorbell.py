"""Words to the workers: there is a job; stop that job. They carry nothing that matters.

A worker looks into the database once a second in any case, so a lost word costs time and nothing else.
"""

from __future__ import annotations

import logging

from celery import current_app
from kombu.exceptions import OperationalError

from apps.generations.models import GenerationJob
from apps.lib.redis import AWAY, sync_client

RING_TASK = "generations.ring"
RING_EXPIRES_SECONDS = 60
"""Rings that pile up while no worker is there mean nothing to the one that comes later."""
WAKE_CHANNEL = "generations:wake"
"""Heard at once by every worker that is awake. Where nobody hears it, a ring waits in the queue of the model."""

RECHECK = "recheck"
"""In place of a job's id: permissions have changed."""

logger = logging.getLogger(__name__)


def ring(job_id: str, queue: str) -> None:
    """Wake a worker that serves this queue. Never raises: a broker that is away delays the job by a second at most."""
    try:
        if not sync_client().publish(WAKE_CHANNEL, job_id):
            current_app.send_task(
                RING_TASK, args=[job_id], queue=queue, retry=False, ignore_result=True, expires=RING_EXPIRES_SECONDS
            )
    except (OperationalError, *AWAY) as error:
        logger.warning("the doorbell for job %s did not ring: %s", job_id, error)


def announce_cancel(job: GenerationJob) -> None:
    try:
        sync_client().publish(WAKE_CHANNEL, job.pk)
    except AWAY as error:
        logger.warning("the worker of job %s was not told to stop it: %s", job.pk, error)


def announce_recheck() -> None:
    """Permissions have changed: every worker asks again about what it runs."""
    try:
        sync_client().publish(WAKE_CHANNEL, RECHECK)
    except AWAY as error:
        logger.warning("workers were not told that permissions changed: %s", error)
