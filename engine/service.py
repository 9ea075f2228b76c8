"""The engine thread: takes requests from any thread, owns the device, and tells every request's end exactly once.

engine = EngineThread(source, EngineConfig())
engine.start()
engine.submit(GenerationRequest(...), sink)     # sink gets LoadingEvent? StartedEvent? TextEvent* FinishEvent
engine.submit(ImageRequest(...), sink)          # … ProgressEvent* CheckpointEvent* ImageEvent? FinishEvent
engine.stop(drain_seconds=10)
"""

from __future__ import annotations

import logging
import threading
from collections import deque
from time import monotonic, perf_counter

import torch

from engine.config import EngineConfig
from engine.device import DeviceLost, prepare_thread
from engine.image.encoding import Encoding
from engine.load_times import LoadTimes
from engine.metrics import Counters, EngineMetrics
from engine.residency import Residency
from engine.source import FolderSource, ModelSource, ModelUnavailable
from engine.ticket import INTERNAL, EngineStopped, Ticket, ticket_for
from engine.turns import Turns
from engine.types import Request, Sink

__all__ = ["EngineStopped", "EngineThread", "FolderSource", "ModelSource", "ModelUnavailable"]

logger = logging.getLogger(__name__)

WAITING_SECONDS = 0.002
"""How long nothing is done where each busy model waits for something."""
LOOK_SECONDS = 0.5
"""How often a model that rests is asked whether what it awaits is there."""
WRITING_SECONDS = 5.0
"""How long pictures that are drawn may take to be written after the last step."""
GRACE_SECONDS = 10.0
"""How long `stop` waits for the thread, beyond draining, before it ends the open requests itself."""


class EngineThread:
    """One device, one thread. All methods but the constructor may be called from any thread, sinks excepted."""

    def __init__(self, source: ModelSource, config: EngineConfig, load_times: LoadTimes | None = None) -> None:
        """load_times: what is known of earlier loads; those to come are added to it."""
        self._config = config
        self._counters = Counters()
        self._encoding = Encoding()
        self._residency = Residency(source, config, self._counters, load_times or LoadTimes(), self._encoding)
        self._turns = Turns()
        self._wake = threading.Condition()
        self._open: dict[str, Ticket] = {}
        self._inbox: deque[Ticket] = deque()
        self._cancels: deque[str] = deque()
        self._accepting = False
        self._deadline: float | None = None
        """monotonic() by which to stop, once asked to."""
        self._pause: float | None = None
        """Seconds to wait for requests before models that rest are asked again; None: as long as it takes."""
        self._looked: frozenset[str] = frozenset()
        """Busy models that have only looked whether they can go on, since one did something."""
        self._thread = threading.Thread(target=self._main, name="engine", daemon=True)

    def start(self) -> None:
        self._accepting = True
        self._thread.start()

    def submit(self, request: Request, sink: Sink) -> None:
        """Accept a request: from now on it ends in exactly one FinishEvent, which may come before this returns.

        Raises EngineStopped, or ValueError where its id is in use; then it is not accepted.
        """
        ticket = ticket_for(request, sink, self._forget)
        with self._wake:
            if not self._accepting:
                raise EngineStopped("The engine is not running.")
            if request.id in self._open:
                raise ValueError(f"There is an unfinished request {request.id} already.")
            self._open[request.id] = ticket
            self._inbox.append(ticket)
            self._wake.notify()

    def cancel(self, request_id: str) -> None:
        """End a request after the step in progress at the latest, keeping what it has. Unknown ids are ignored."""
        with self._wake:
            if request_id in self._open:
                self._cancels.append(request_id)
                self._wake.notify()

    def loaded(self) -> tuple[str, ...]:
        return tuple(self._residency.engines)

    def loading(self) -> tuple[str, ...]:
        """The one that is being loaded, or waits for room with what it has; empty where there is none."""
        name = self._residency.loading
        return () if name is None else (name,)

    def is_loaded(self, model: str) -> bool:
        return model in self._residency.engines

    def unfinished(self) -> int:
        """Accepted requests without a FinishEvent yet: running, waiting, and waiting for a model."""
        return len(self._open)

    def is_alive(self) -> bool:
        """Whether it takes requests; not before `start`, after `stop` and after a crash."""
        return self._accepting and self._thread.is_alive()

    def metrics(self) -> EngineMetrics:
        counters, engines = self._counters, list(self._residency.engines.values())
        waits = [engine.predicted_wait() or 0.0 for engine in engines]
        running = sum(engine.running for engine in engines) + len(self._encoding)
        return EngineMetrics(
            steps=counters.steps,
            prompt_tokens=counters.prompt_tokens,
            completion_tokens=counters.completion_tokens,
            busy_seconds=counters.busy_seconds,
            loads=counters.loads,
            load_seconds=counters.load_seconds,
            load_failures=counters.load_failures,
            evictions=counters.evictions,
            adapter_loads=counters.adapter_loads,
            adapter_evictions=counters.adapter_evictions,
            preemptions=counters.preemptions,
            prefix_hit_tokens=counters.prefix_hit_tokens,
            drafted_tokens=counters.drafted_tokens,
            accepted_tokens=counters.accepted_tokens,
            isolated_steps=counters.isolated_steps,
            out_of_memory=counters.out_of_memory,
            refused=counters.refused,
            graphs_built=counters.graphs_built,
            graphs_reused=counters.graphs_reused,
            compile_seconds=counters.compile_seconds,
            compile_failures=counters.compile_failures,
            compiled_steps=counters.compiled_steps,
            running=running,
            waiting=max(0, len(self._open) - running),
            loaded=self.loaded(),
            attention=tuple(engine.attention for engine in engines),
            adapters=tuple(adapter for engine in engines for adapter in engine.adapters),
            loading=self._residency.loading,
            memory_budget=self._residency.budget,
            weight_bytes=sum(list(self._residency.weights.values())),
            cache_bytes=sum(engine.cache_bytes for engine in engines),
            predicted_wait=max(waits, default=0.0),
        )

    def stop(self, *, drain_seconds: float) -> None:
        """Take no more requests, let the open ones finish for so long, end the rest with `shutdown`; then return."""
        with self._wake:
            self._accepting = False
            self._deadline = monotonic() + drain_seconds
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(drain_seconds + GRACE_SECONDS)
        self._end_all("shutdown", "The worker is shutting down. Send the request again.")

    def _main(self) -> None:
        code, error = "shutdown", "The worker is shutting down. Send the request again."
        try:
            prepare_thread(self._config)
            with torch.inference_mode():
                while self._turn():
                    pass
        except BaseException:
            logger.critical("The engine thread died", exc_info=True)
            code, error = "lost", "The engine stopped unexpectedly. The request can be sent again."
        finally:
            with self._wake:
                self._accepting = False
            self._encoding.close(WRITING_SECONDS)
            self._end_all(code, error)

    def _turn(self) -> bool:
        """Take what came in, then a step of the busy model that has had least of the device. False when it is time to
        stop."""
        tickets, cancels = self._take()
        if self._deadline is not None and (not self._open or monotonic() >= self._deadline):
            return False
        for ticket in tickets:
            self._residency.add(ticket)
        for request_id in cancels:
            self._cancel(request_id)
        self._residency.advance()
        engines = self._residency.engines
        model = self._turns.next([name for name, engine in engines.items() if engine.busy])
        self._pause = 0.0
        if model is None:
            self._pause = LOOK_SECONDS if self._rest() else None
        else:
            self._step(model)
        return True

    def _step(self, model: str) -> None:
        """Of a busy model. Where all of those that are busy only wait for something, this thread does so too."""
        began, computed = perf_counter(), self._counters.busy_seconds
        try:
            self._residency.engines[model].step()
        except DeviceLost:
            raise
        except Exception:
            logger.exception("Model %s failed beyond one request; it will be loaded anew", model)
            self._residency.drop(model)
        seconds, in_vain = perf_counter() - began, self._counters.busy_seconds == computed
        self._turns.took(model, seconds, in_vain=in_vain)
        self._looked = self._looked | {model} if in_vain and seconds < WAITING_SECONDS else frozenset()
        busy = [name for name, engine in self._residency.engines.items() if engine.busy]
        if self._looked and self._looked.issuperset(busy):
            self._looked = frozenset()
            with self._wake:
                if not (self._inbox or self._cancels):
                    self._wake.wait(WAITING_SECONDS)

    def _cancel(self, request_id: str) -> None:
        try:
            self._residency.cancel(request_id)
            self._encoding.cancel(request_id)
        except Exception:
            logger.exception("Request %s ended otherwise than it should have", request_id)
            if (ticket := self._open.get(request_id)) is not None:
                ticket.fail("internal", INTERNAL)

    def _rest(self) -> bool:
        """Whether a model awaits something while none has anything to do."""
        awaited = False
        for model, engine in list(self._residency.engines.items()):
            try:
                awaited = engine.rest() or awaited
            except Exception:
                logger.exception("Model %s failed while it rested; it will be loaded anew", model)
                self._residency.drop(model)
        return awaited

    def _take(self) -> tuple[list[Ticket], list[str]]:
        """Empty the inbox; wait for something while there is nothing else to do. When it is time to stop, for the
        pictures that are still being written."""
        with self._wake:
            if not (self._inbox or self._cancels) and self._residency.idle:
                if self._deadline is None:
                    self._wake.wait(self._pause)
                elif self._open:
                    self._wake.wait(max(0.0, self._deadline - monotonic()))
            tickets, cancels = list(self._inbox), list(self._cancels)
            self._inbox.clear()
            self._cancels.clear()
        return tickets, cancels

    def _forget(self, ticket: Ticket) -> None:
        with self._wake:
            self._open.pop(ticket.id, None)
            self._wake.notify()

    def _end_all(self, code: str, error: str) -> None:
        for ticket in list(self._open.values()):
            ticket.fail(code, error)
