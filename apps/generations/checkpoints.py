"""Keeps what another attempt at a picture can go on from, in a thread of its own: a slow or absent database holds up
neither engine nor events, and only the newest of each job waits for it."""

from __future__ import annotations

import logging
import threading

from django.db import DatabaseError, connection

from apps.generations.claims import Held
from apps.generations.loops import Loop
from apps.generations.models import Checkpoint, GenerationJob
from engine.types import CheckpointEvent

AGAIN_SECONDS = 1.0
"""After a database that was away."""
MAX_BYTES = 64 * 2**20
logger = logging.getLogger(__name__)

# The job's row is locked until the end of the statement, so that its end, which deletes the checkpoint, comes either
# before (then it doesn't run any more, and nothing is written) or after. An older attempt or step replaces nothing.
KEEP = """
INSERT INTO generations_checkpoint AS kept (job_id, attempt, step, data, saved_at)
SELECT id, attempt, %(step)s, %(data)s, statement_timestamp() FROM generations_generationjob
WHERE id = %(job)s AND attempt = %(attempt)s AND state = 'running' FOR SHARE
ON CONFLICT (job_id) DO UPDATE SET
    attempt = EXCLUDED.attempt, step = EXCLUDED.step, data = EXCLUDED.data, saved_at = EXCLUDED.saved_at
WHERE (kept.attempt, kept.step) < (EXCLUDED.attempt, EXCLUDED.step)
"""


class CheckpointKeeper:
    """`put` returns at once, from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[Held, CheckpointEvent] = {}
        self._loop = Loop("checkpoints", AGAIN_SECONDS, self._write_all)

    def start(self) -> None:
        self._loop.start()

    def stop(self) -> None:
        self._loop.stop()

    def join(self, seconds: float) -> None:
        self._loop.join(seconds)

    def put(self, held: Held, event: CheckpointEvent) -> None:
        with self._lock:
            self._waiting[held] = event
        self._loop.wake()

    def _write_all(self) -> None:
        while (taken := self._next()) is not None:
            try:
                keep(*taken)
            except DatabaseError:
                with self._lock:  # unless a newer one came meanwhile
                    self._waiting.setdefault(*taken)
                raise

    def _next(self) -> tuple[Held, CheckpointEvent] | None:
        with self._lock:
            return self._waiting.popitem() if self._waiting else None


def keep(held: Held, event: CheckpointEvent) -> bool:
    """False where this attempt no longer holds the job, or something newer is there: nothing was written."""
    if len(event.data) > MAX_BYTES:
        logger.warning("the checkpoint of job %s is too large to be kept: %d bytes", held.job, len(event.data))
        return False
    given: dict[str, str | int | bytes] = {
        "job": held.job,
        "attempt": held.attempt,
        "step": event.step,
        "data": event.data,
    }
    with connection.cursor() as cursor:
        cursor.execute(KEEP, given)
        return bool(cursor.rowcount)


def checkpoint_for(job: GenerationJob) -> bytes | None:
    """What an earlier attempt at this job left."""
    found = Checkpoint.objects.filter(job=job, attempt__lt=job.attempt).values_list("data", flat=True).first()
    return None if found is None else bytes(found)
