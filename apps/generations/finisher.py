"""Writes the ends of jobs, in a thread of its own: a slow or absent database holds up neither engine nor events."""

from __future__ import annotations

import logging
import threading
from queue import SimpleQueue
from time import sleep

from django.db import DatabaseError, DataError, IntegrityError

from apps.audit.record import AuditUnavailable
from apps.generations import events
from apps.generations.claims import Held, release
from apps.generations.endings import finish
from apps.generations.kept_pictures import KeptPicture, discard, keep
from apps.generations.leases import Leases
from apps.generations.metrics import FENCED, REQUEUED, count_end
from apps.generations.notices import tell_followers
from apps.generations.outcomes import LOST, SHUTDOWN, outcome_of
from apps.generations.publisher import Ended, Publisher
from apps.generations.receipts import receipt_of
from apps.lib import context
from apps.lib.database import borrowed_connection
from engine.types import FinishEvent, FinishReason

AGAIN_SECONDS = 0.5
NO_PICTURE = "The engine said that it was done, and gave no picture. Tell an administrator."
NOT_STORED = "The picture was made, but its file could not be written ({error}). Tell an administrator, and try again."
logger = logging.getLogger(__name__)


class Finisher:
    """Every end is tried until it is in the database or its lease is lost; the heartbeat keeps the lease meanwhile."""

    def __init__(self, leases: Leases, publisher: Publisher) -> None:
        self._leases = leases
        self._publisher = publisher
        self._inbox: SimpleQueue[Ended | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="finisher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, seconds: float) -> None:
        """End after what was put before, in at most so many seconds."""
        self._inbox.put(None)
        self._thread.join(seconds)

    def put(self, ended: Ended) -> None:
        self._inbox.put(ended)

    def _run(self) -> None:
        while (ended := self._inbox.get()) is not None:
            context.job_id.set(ended.held.job)
            self._until_written(ended)

    def _until_written(self, ended: Ended) -> None:
        self._leases.ending(ended.held)
        ended, picture = _with_file(ended)
        try:
            self._try(ended, picture)
        finally:
            if picture is not None:
                self._discard(picture)

    def _discard(self, picture: KeptPicture) -> None:
        with borrowed_connection():
            discard(picture)

    def _try(self, ended: Ended, picture: KeptPicture | None) -> None:
        while self._leases.holds(ended.held):
            try:
                with borrowed_connection():
                    self._end(ended, picture)
                self._leases.drop(ended.held)
                return
            except (DataError, IntegrityError):
                # Trying again wouldn't help. Without a heartbeat its lease runs out, and the job gets its end there.
                logger.exception("the end of job %s can't be written", ended.held.job)
                self._lose(ended.held)
            except (DatabaseError, AuditUnavailable) as error:
                logger.warning("the end of job %s is not written yet: %s", ended.held.job, error)
                sleep(AGAIN_SECONDS)
            except Exception:
                logger.exception("the end of job %s failed", ended.held.job)
                self._lose(ended.held)

    def _end(self, ended: Ended, picture: KeptPicture | None) -> None:
        held = ended.held
        if ended.event.error_code == LOST:  # its lease runs out, and it counts as what a killed worker had
            self._lose(held)
            return
        if ended.event.error_code == SHUTDOWN and release(held):
            REQUEUED.labels("shutdown").inc()
            self._publisher.forget(held)
            tell_followers([held.job])
            return
        job = finish(held, outcome_of(ended, picture, receipt_of(ended)))
        if job is None:
            logger.warning("attempt %d of job %s was overtaken; nothing of it was kept", held.attempt, held.job)
            FENCED.inc()
            self._publisher.forget(held)
            return
        count_end(job)
        self._publisher.finish(held, events.finish(job, with_text=False))

    def _lose(self, held: Held) -> None:
        self._leases.drop(held)
        self._publisher.forget(held)


def _with_file(ended: Ended) -> tuple[Ended, KeptPicture | None]:
    """The picture's file is written before its row can be; where it can't be, the job fails with the reason."""
    if not ended.about.makes_picture or ended.event.reason != FinishReason.STOP:
        return ended, None
    if ended.picture is None:
        return _failed(ended, "internal", NO_PICTURE), None
    try:
        return ended, keep(ended.picture)
    except OSError as error:
        logger.exception("the picture of job %s can't be written", ended.held.job)
        return _failed(ended, "storage", NOT_STORED.format(error=error.strerror)), None


def _failed(ended: Ended, code: str, words: str) -> Ended:
    event = ended.event
    return ended._replace(event=FinishEvent(event.request_id, FinishReason.ERROR, event.usage, code, words))
