"""The ticket of a picture: counts its steps and tells how it comes along.

Steps are told from the engine thread, previews and the picture from those that write them. The lock sees to it that
nothing comes after the end, and that the count of steps never goes back.
"""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter
from typing import Any

from engine.ticket.base import Ticket, between_ms
from engine.types import CheckpointEvent, Event, FinishReason, ImageEvent, ImageRequest, ProgressEvent, Sink, Usage


class ImageTicket(Ticket):
    request: ImageRequest

    def __init__(self, request: ImageRequest, sink: Sink, on_finish: Callable[[Any], None]) -> None:
        super().__init__(request, sink, on_finish)
        self.prompt_tokens = 0
        """Once it was read."""
        self._steps = 0
        self._told = (0, 0)
        """Of the picture: steps made, and all there will be."""
        self._first_step: float | None = None
        self._first_preview: float | None = None
        self._done: float | None = None

    def stepping(self) -> None:
        """A step for it begins."""
        if self._first_step is None:
            self._first_step = perf_counter()

    def stepped(self, step: int, steps: int) -> None:
        """One more step was made: of so many it is the picture's own count, those before a resume included."""
        with self._lock:
            self._steps += 1
            self._told = (step, steps)
            self._send(ProgressEvent(self.id, step, steps))

    def preview(self, data: bytes) -> None:
        """How it looked at one of its last steps."""
        with self._lock:
            if self._first_preview is None:
                self._first_preview = perf_counter()
            self._send(ProgressEvent(self.id, *self._told, data))

    def checkpoint(self, step: int, data: bytes) -> None:
        self._send(CheckpointEvent(self.id, step, data))

    def picture(self, png: bytes, width: int, height: int, pixels_sha256: str) -> None:
        """It is finished, and so is the request."""
        with self._lock:
            self._done = perf_counter()
            self._send(ImageEvent(self.id, png, width, height, pixels_sha256))
            self.finish(FinishReason.STOP)

    def _send(self, event: Event) -> None:
        with self._lock:
            super()._send(event)

    def _usage(self) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens,
            steps=self._steps,
            ttft_ms=self._since_loaded_ms(self._first_preview),
            decode_ms=between_ms(self._first_step, self._done),
            load_ms=self._load_ms(),
            device_ms=self.device_seconds * 1e3,
        )
