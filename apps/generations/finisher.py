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
from apps.generations.endings import Outcome, finish
from apps.generations.leases import Leases
from apps.generations.metrics import FENCED, REQUEUED, count_end
from apps.generations.models import State
from apps.generations.notices import tell_followers
from apps.generations.publisher import Ended, Publisher
from apps.lib import context
from apps.lib.database import borrowed_connection
from engine.types import FinishReason

AGAIN_SECONDS = 0.5
SHUTDOWN = "shutdown"
STATES = {FinishReason.CANCELLED: State.CANCELLED, FinishReason.ERROR: State.FAILED}
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
        while self._leases.holds(ended.held):
            try:
                with borrowed_connection():
                    self._end(ended)
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

    def _end(self, ended: Ended) -> None:
        held = ended.held
        if ended.event.error_code == SHUTDOWN and release(held):
            REQUEUED.labels("shutdown").inc()
            self._publisher.forget(held)
            tell_followers([held.job])
            return
        job = finish(held, outcome_of(ended))
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


def outcome_of(ended: Ended) -> Outcome:
    event, usage = ended.event, ended.event.usage
    # A shutdown that comes so far was asked to stop by a person, and has no queue to go back to.
    reason = FinishReason.CANCELLED if event.error_code == SHUTDOWN else event.reason
    failed = reason == FinishReason.ERROR
    return Outcome(
        state=STATES.get(reason, State.SUCCEEDED),
        output=ended.said.text,
        reasoning=ended.said.reasoning,
        tool_calls=ended.said.tool_calls,
        finish_reason=str(reason),
        completion_tokens=ended.said.tokens,
        prompt_tokens=usage.prompt_tokens,
        usage_estimated=usage.estimated,
        reasoning_tokens=usage.reasoning_tokens,
        reasoning_ms=usage.reasoning_ms,
        error_code=event.error_code if failed else "",
        error_message=event.error if failed else "",
        ttft_ms=usage.ttft_ms,
        decode_ms=usage.decode_ms,
        device_ms=usage.device_ms,
    )
