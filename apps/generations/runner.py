"""A worker's heart: takes jobs from the queue into the engine and sees to it that each gets its end."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from functools import partial
from time import monotonic, sleep
from typing import Any, Protocol

from django.conf import settings
from django.db import DatabaseError

from apps.generations import presence
from apps.generations.checkpoints import CheckpointKeeper
from apps.generations.claims import Held, extend, to_be_cancelled
from apps.generations.doorbell import RECHECK
from apps.generations.endings import reap
from apps.generations.finisher import Finisher
from apps.generations.leases import Leases
from apps.generations.log import LogWriter
from apps.generations.loops import Loop
from apps.generations.metrics import CLAIMED, HELD, LEASES_LOST, REQUEUED
from apps.generations.models import GenerationJob, Kind, State
from apps.generations.notices import tell_followers
from apps.generations.outcomes import SHUTDOWN
from apps.generations.publisher import About, Ended, Publisher
from apps.generations.recheck import claim_allowed, stop_refused
from apps.generations.requests import PictureGone, models_of, request_id, request_of
from apps.generations.wakes import WakeListener
from apps.lib.database import borrowed_connection
from apps.lib.redis import sync_client
from engine.ticket import EngineStopped
from engine.types import CheckpointEvent, Event, FinishEvent, FinishReason, Sink, Usage

LOOK_SECONDS = 1.0
"""What a lost doorbell costs at most."""
RECHECK_SECONDS = 1.0
"""What a lost word about permissions costs at most, and how late an expired grant is noticed."""
SETTLE_SECONDS = 5.0
"""After the last completion: for its end to reach the database."""

logger = logging.getLogger(__name__)


class Engine(Protocol):
    """What the runner needs of `engine.service.EngineThread` and of `engine.remote.service.RemoteEngine`. `served`
    sees to it that each gets only requests of a kind that it takes."""

    def submit(self, request: Any, sink: Sink) -> None: ...
    def cancel(self, request_id: str) -> None: ...
    def loaded(self) -> tuple[str, ...]: ...
    def loading(self) -> tuple[str, ...]: ...
    def is_alive(self) -> bool: ...
    def stop(self, *, drain_seconds: float) -> None: ...


class Runner:
    """`served` names the HostedModels to take jobs for and is asked at every look, so that new ones are found;
    `on_broken` is called where the engine has died."""

    def __init__(
        self,
        engine: Engine,
        *,
        worker_id: str,
        device: str,
        slots: int,
        served: Callable[[], Sequence[str]],
        on_broken: Callable[[], None] = lambda: None,
    ) -> None:
        self.worker_id = worker_id
        self._engine = engine
        self._device = device
        self._served = served
        self._on_broken = on_broken
        self._leases = Leases(slots)
        self._claiming = True
        self._is_known = False
        self._claim_lock = threading.Lock()
        self._publisher = Publisher(LogWriter(sync_client()), on_end=self._ended, on_stale=self._lost)
        self._finisher = Finisher(self._leases, self._publisher)
        self._checkpoints = CheckpointKeeper()
        self._look = Loop("claims", LOOK_SECONDS, self._look_around, in_haste=True)
        self._heart = Loop("heartbeat", settings.HEARTBEAT_SECONDS, self._beat)
        self._permissions = Loop("permissions", RECHECK_SECONDS, self._recheck)
        self._wakes = WakeListener(self._heard)

    def start(self) -> None:
        own = (self._publisher, self._finisher, self._checkpoints)
        for part in (*own, self._heart, self._look, self._permissions, self._wakes):
            part.start()

    def wake(self) -> None:
        """There may be something to claim or to cancel."""
        self._look.wake()

    def ring(self, job_id: str) -> None:
        """A job was submitted; one that was heard of before, and taken, needs no second look."""
        if not self._leases.has_job(job_id):
            self._look.wake()

    def stop_claiming(self) -> None:
        """At once, also from a signal handler."""
        self._claiming = False

    def stop(self, *, drain_seconds: float, hurry: Callable[[], bool] = lambda: False) -> None:
        """Finish what can be finished in time, or until `hurry`; put the rest back into the queue."""
        self.stop_claiming()
        with self._claim_lock:  # a claim that is under way gets into the engine first
            pass
        _wait(drain_seconds, lambda: hurry() or not self._leases.busy())
        self._engine.stop(drain_seconds=0.0)
        _wait(SETTLE_SECONDS, lambda: not self._leases.busy())
        for loop in (self._look, self._permissions, self._heart, self._checkpoints):
            loop.stop()
        self._wakes.stop()
        self._finisher.stop(SETTLE_SECONDS)
        self._publisher.stop()
        for loop in (self._look, self._permissions, self._heart, self._checkpoints):
            loop.join(SETTLE_SECONDS)
        self._leave()

    def _leave(self) -> None:
        try:
            with borrowed_connection():
                presence.leave(self.worker_id)
        except DatabaseError:
            logger.warning("the database doesn't know that this worker left; it will notice")

    # --- once a second and when woken -----------------------------------------------------------------------------

    def _look_around(self) -> None:
        if held := self._leases.held():
            for each in to_be_cancelled(held):
                self._engine.cancel(request_id(each))
        with self._claim_lock:
            served = self._served()
            while served and self._takes_jobs() and (free := self._leases.free()) > 0:
                jobs, may_be_more = claim_allowed(self.worker_id, served, free)
                for job in jobs:
                    self._begin(job)
                if not may_be_more:
                    return

    def _takes_jobs(self) -> bool:
        """A dead engine's ends free its places, which would otherwise be filled from the queue at once."""
        return self._claiming and self._engine.is_alive()

    def _heard(self, word: str) -> None:
        if word == RECHECK:
            self._permissions.wake()
        else:
            self.wake()

    def _recheck(self) -> None:
        """Stop what is no longer allowed: a revoked or expired grant, a kill switch, a role that was taken away."""
        for held in stop_refused(self._leases.held()):
            logger.info("job %s is no longer allowed and is being stopped", held.job)
            self._engine.cancel(request_id(held))

    def _begin(self, job: GenerationJob) -> None:
        held = Held(job.pk, job.attempt)
        self._leases.take(held)
        version, repeats = job.model_version, job.params.get("reproduces", "")
        longest = version.hosted_model.longest_seconds
        about = About(models_of(version), job.kind == Kind.IMAGE, repeats, longest)
        self._publisher.open(held, about=about, hides_reasoning=not version.hosted_model.shows_reasoning)
        CLAIMED.inc()
        name = request_id(held)
        try:
            self._engine.submit(request_of(job), partial(self._receive, held))
        except PictureGone as gone:
            self._publisher.receive(held, FinishEvent(name, FinishReason.ERROR, Usage(), "bad_request", str(gone)))
        except EngineStopped as stopped:  # since it was claimed: back into the queue
            self._publisher.receive(held, FinishEvent(name, FinishReason.ERROR, Usage(), SHUTDOWN, str(stopped)))
        except Exception:
            # Broken: without a heartbeat the lease runs out, and another worker takes the job.
            logger.exception("the engine did not take job %s", job.pk)
            self._leases.left_engine(held)
            self._lost(held)

    # --- from the engine's thread ---------------------------------------------------------------------------------

    def _receive(self, held: Held, event: Event) -> None:
        if isinstance(event, CheckpointEvent):
            self._checkpoints.put(held, event)
        else:
            self._publisher.receive(held, event)

    # --- from the publisher's thread ------------------------------------------------------------------------------

    def _ended(self, ended: Ended) -> None:
        self._leases.left_engine(ended.held)
        self._finisher.put(ended)
        self._look.wake()

    def _lost(self, held: Held) -> None:
        """Another worker has this job, or may have: stop, and write nothing more."""
        logger.warning("the lease of job %s, attempt %d, was lost", held.job, held.attempt)
        LEASES_LOST.inc()
        self._leases.drop(held)
        self._publisher.forget(held)
        self._engine.cancel(request_id(held))

    # --- heartbeat ------------------------------------------------------------------------------------------------

    def _beat(self) -> None:
        if self._claiming and not self._engine.is_alive():
            logger.critical("the engine of worker %s is dead; it takes no more jobs", self.worker_id)
            self.stop_claiming()
            self._on_broken()
        leases = self._leases.held()
        beat = extend(leases)
        for held in self._leases.missing(leases, beat.held):
            self._lost(held)
        HELD.labels(self._device).set(len(beat.held))
        self._announce()
        self._reap()

    def _announce(self) -> None:
        """One that never had anything to serve is nobody's worker."""
        serves = self._served() if self._claiming else ()
        self._is_known = self._is_known or bool(serves)
        if self._is_known:
            presence.announce(
                self.worker_id,
                device=self._device,
                slots=self._leases.slots,
                loaded=self._engine.loaded(),
                loading=self._engine.loading(),
                serves=serves,
            )

    def _reap(self) -> None:
        taken = reap()
        for job in taken:
            if job.state == State.QUEUED:
                REQUEUED.labels("worker_lost").inc()
        if taken:
            logger.warning("%d jobs were taken from workers that are gone", len(taken))
            tell_followers([job.pk for job in taken])
            self.wake()


def _wait(seconds: float, condition: Callable[[], bool]) -> None:
    end = monotonic() + seconds
    while not condition() and monotonic() < end:
        sleep(0.05)
