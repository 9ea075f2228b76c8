"""An accepted request on its way through the engine: its sink, its clock, and its one last event.

Imports neither torch nor transformers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

from engine.types import (
    ChosenLogprob,
    Event,
    FinishEvent,
    FinishReason,
    LoadingEvent,
    Request,
    Sink,
    StartedEvent,
    Usage,
)

logger = logging.getLogger(__name__)

INTERNAL = "The engine failed on this request. The administrator finds the reason in the worker's log."


class EngineStopped(RuntimeError):
    """The engine takes no requests: it wasn't started, is stopping, or its thread died."""


class Ticket:
    """What requests of all kinds have in common. `finish` may be called from several places and threads: the first one
    counts."""

    request: Request

    def __init__(self, request: Request, sink: Sink, on_finish: Callable[[Any], None]) -> None:
        self.request = request
        self.device_seconds = 0.0
        self.made_with: Mapping[str, str] = {}
        """Set where its result begins: see `FinishEvent.made_with`."""
        self._sink = sink
        self._on_finish = on_finish
        self._lock = threading.RLock()
        self._finished = False
        self._accepted = perf_counter()
        self._load_seconds: float | None = None
        self._told_loading: tuple[bool, bool] | None = None
        self._told_started = False

    @property
    def id(self) -> str:
        return self.request.id

    @property
    def finished(self) -> bool:
        return self._finished

    @property
    def waited(self) -> float:
        """Seconds since the request was accepted."""
        return perf_counter() - self._accepted

    @property
    def seconds_left(self) -> float | None:
        """Of the time that it may take; None where that has no end."""
        limit = self.request.deadline_seconds
        return None if limit is None else max(0.0, limit - self.waited)

    @property
    def overdue(self) -> bool:
        """Whether it took longer than it may."""
        return self.seconds_left == 0.0

    def loading(self, seconds: float | None = None, *, begun: bool = True) -> None:
        """Its model is being loaded, or waits for that. Told where it is news: not each time that a guess moves."""
        news = (begun, seconds is not None)
        if self._told_loading != news:
            self._told_loading = news
            self._send(LoadingEvent(self.id, seconds, begun))

    def loaded(self) -> None:
        """Its model is ready: what has passed by now is loading time, not time to first token."""
        self._load_seconds = self.waited

    def started(self) -> None:
        """Its prompt is being read. Again after a preemption, which nobody needs to know."""
        if not self._told_started:
            self._told_started = True
            self._send(StartedEvent(self.id))

    def finish(self, reason: FinishReason, code: str = "", error: str = "") -> None:
        with self._lock:
            if self._finished:
                return
            self._finished = True
        self._on_finish(self)
        try:
            self._sink(FinishEvent(self.id, reason, self._usage(), code, error, self._last_logprobs(), self.made_with))
        except Exception:
            logger.exception("The sink of request %s refused its last event", self.id)

    def fail(self, code: str, error: str) -> None:
        self.finish(FinishReason.ERROR, code, error)

    def _usage(self) -> Usage:
        raise NotImplementedError

    def _last_logprobs(self) -> tuple[ChosenLogprob, ...]:
        return ()

    def _load_ms(self) -> float | None:
        return None if self._load_seconds is None else self._load_seconds * 1e3

    def _since_loaded_ms(self, moment: float | None) -> float | None:
        """From when it was accepted, loading left out."""
        return None if moment is None else (moment - self._accepted - (self._load_seconds or 0.0)) * 1e3

    def _send(self, event: Event) -> None:
        if self._finished:
            return
        try:
            self._sink(event)
        except Exception:
            logger.exception("The sink of request %s refused an event; the request ends here", self.id)
            self.fail("internal", "The receiver of this result failed. The request can be sent again.")


def between_ms(first: float | None, last: float | None) -> float | None:
    return None if first is None or last is None else (last - first) * 1e3
