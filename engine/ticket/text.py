"""The ticket of a text: counts its tokens and tells what is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from engine.answers import Answer, Reasoning, Segment, ToolCall
from engine.ticket.base import Ticket, between_ms
from engine.types import (
    ChosenLogprob,
    GenerationRequest,
    ReasoningEvent,
    Sink,
    TextEvent,
    ToolCallEvent,
    Usage,
)


class TextTicket(Ticket):
    request: GenerationRequest

    def __init__(self, request: GenerationRequest, sink: Sink, on_finish: Callable[[Any], None]) -> None:
        super().__init__(request, sink, on_finish)
        self.prompt_tokens = len(request.prompt_ids)
        self.completion_tokens = 0
        self.reasoning_tokens = 0
        self.is_estimate = False
        """Whether these are."""
        self._characters = 0
        self._thought_characters = 0
        self._calls = 0
        self._first_token: float | None = None
        self._last_token: float | None = None
        self._first_thought: float | None = None
        self._last_thought: float | None = None
        self._logprobs: list[ChosenLogprob] = []
        """Not told yet."""

    def token(self, count: int = 1) -> None:
        """So many more completion tokens were made."""
        self._last_token = perf_counter()
        if self._first_token is None:
            self._first_token = self._last_token
        self.completion_tokens += count

    def thought(self, count: int = 1) -> None:
        """The last completion tokens belong to the reasoning."""
        self._last_thought = self._last_token
        if self._first_thought is None:
            self._first_thought = self._last_thought
        self.reasoning_tokens += count

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
        """That of the token just made, one of the answer; it goes out with the next text."""
        self._logprobs.append(logprob)

    def text(self, text: str) -> None:
        if text:
            offset, self._characters = self._characters, self._characters + len(text)
            self._send(TextEvent(self.id, offset, text, self.completion_tokens, self._last_logprobs()))

    def reasoning(self, text: str) -> None:
        if text:
            offset, self._thought_characters = self._thought_characters, self._thought_characters + len(text)
            ms = self._reasoning_ms() or 0.0
            self._send(ReasoningEvent(self.id, offset, text, self.completion_tokens, ms))

    def tool_call(self, call: ToolCall) -> None:
        index, self._calls = self._calls, self._calls + 1
        event = ToolCallEvent(self.id, index, call.name, call.arguments, call.valid, self.completion_tokens)
        self._send(event)

    def _last_logprobs(self) -> tuple[ChosenLogprob, ...]:
        taken, self._logprobs = tuple(self._logprobs), []
        return taken

    def _usage(self) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens,
            completion_tokens=self.completion_tokens,
            reasoning_tokens=self.reasoning_tokens,
            reasoning_ms=self._reasoning_ms(),
            ttft_ms=self._since_loaded_ms(self._first_token),
            decode_ms=between_ms(self._first_token, self._last_token),
            load_ms=self._load_ms(),
            device_ms=self.device_seconds * 1e3,
            estimated=self.is_estimate,
        )

    def _reasoning_ms(self) -> float | None:
        return between_ms(self._first_thought, self._last_thought)
