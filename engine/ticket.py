"""An accepted request on its way through the engine: its sink, its clock, and its one last event.

Imports neither torch nor transformers.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from time import perf_counter

from engine.answers import Answer, Reasoning, Segment, ToolCall
from engine.types import (
    ChosenLogprob,
    Event,
    FinishEvent,
    FinishReason,
    GenerationRequest,
    LoadingEvent,
    ReasoningEvent,
    Sink,
    StartedEvent,
    TextEvent,
    ToolCallEvent,
    Usage,
)

logger = logging.getLogger(__name__)


class EngineStopped(RuntimeError):
    """The engine takes no requests: it wasn't started, is stopping, or its thread died."""


class Ticket:
    """Sends the events of one request. `finish` may be called from several places and threads: the first one counts."""

    def __init__(self, request: GenerationRequest, sink: Sink, on_finish: Callable[[Ticket], None]) -> None:
        self.request = request
        self.prompt_tokens = len(request.prompt_ids)
        self.completion_tokens = 0
        self.is_estimate = False
        """Whether these two are."""
        self.device_seconds = 0.0
        self._sink = sink
        self._on_finish = on_finish
        self._lock = threading.Lock()
        self._finished = False
        self._characters = 0
        self._thought_characters = 0
        self._calls = 0
        self._reasoning_tokens = 0
        self._accepted = perf_counter()
        self._load_seconds: float | None = None
        self._first_token: float | None = None
        self._last_token: float | None = None
        self._first_thought: float | None = None
        self._last_thought: float | None = None
        self._told_loading: tuple[bool, bool] | None = None
        self._told_started = False
        self._logprobs: list[ChosenLogprob] = []
        """Not told yet."""

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

    def token(self) -> None:
        """One more completion token was made."""
        self._last_token = perf_counter()
        if self._first_token is None:
            self._first_token = self._last_token
        self.completion_tokens += 1

    def thought(self) -> None:
        """The last completion token belongs to the reasoning."""
        self._last_thought = self._last_token
        if self._first_thought is None:
            self._first_thought = self._last_thought
        self._reasoning_tokens += 1

    def tell(self, segments: Iterable[Segment]) -> None:
        for segment in segments:
            match segment:
                case Reasoning(text):
                    self.reasoning(text)
                case Answer(text):
                    self.text(text)
                case ToolCall():
                    self.tool_call(segment)

    def logprob(self, logprob: ChosenLogprob) -> None:
        """That of the token just made; it goes out with the next text."""
        self._logprobs.append(logprob)

    def text(self, text: str) -> None:
        if text:
            offset, self._characters = self._characters, self._characters + len(text)
            self._send(TextEvent(self.id, offset, text, self.completion_tokens, self._take_logprobs()))

    def reasoning(self, text: str) -> None:
        if text:
            offset, self._thought_characters = self._thought_characters, self._thought_characters + len(text)
            ms = self._reasoning_ms() or 0.0
            self._send(ReasoningEvent(self.id, offset, text, self.completion_tokens, ms))

    def tool_call(self, call: ToolCall) -> None:
        index, self._calls = self._calls, self._calls + 1
        event = ToolCallEvent(self.id, index, call.name, call.arguments, call.valid, self.completion_tokens)
        self._send(event)

    def finish(self, reason: FinishReason, code: str = "", error: str = "") -> None:
        with self._lock:
            if self._finished:
                return
            self._finished = True
        self._on_finish(self)
        try:
            self._sink(FinishEvent(self.id, reason, self._usage(), code, error, self._take_logprobs()))
        except Exception:
            logger.exception("The sink of request %s refused its last event", self.id)

    def fail(self, code: str, error: str) -> None:
        self.finish(FinishReason.ERROR, code, error)

    def _take_logprobs(self) -> tuple[ChosenLogprob, ...]:
        taken, self._logprobs = tuple(self._logprobs), []
        return taken

    def _send(self, event: Event) -> None:
        if self._finished:
            return
        try:
            self._sink(event)
        except Exception:
            logger.exception("The sink of request %s refused an event; the request ends here", self.id)
            self.fail("internal", "The receiver of this completion failed. The request can be sent again.")

    def _usage(self) -> Usage:
        first, last, load = self._first_token, self._last_token, self._load_seconds
        return Usage(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            reasoning_tokens=self._reasoning_tokens,
            reasoning_ms=self._reasoning_ms(),
            ttft_ms=None if first is None else (first - self._accepted - (load or 0.0)) * 1e3,
            decode_ms=None if first is None or last is None else (last - first) * 1e3,
            load_ms=None if load is None else load * 1e3,
            device_ms=self.device_seconds * 1e3,
            estimated=self.is_estimate,
        )

    def _reasoning_ms(self) -> float | None:
        first, last = self._first_thought, self._last_thought
        return None if first is None or last is None else (last - first) * 1e3
