"""Asking for pictures and looking at what came, for all tests of pictures."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

from engine.service import EngineThread
from engine.types import (
    CheckpointEvent,
    Event,
    FinishEvent,
    ImageEvent,
    ImageParams,
    ImageRequest,
    ProgressEvent,
    StartedEvent,
)

SIDE = 32
"""Pixels of a tiny pipeline's pictures: 16 latents of two pixels each."""


def params(prompt: str = "a red apple", **changes: Any) -> ImageParams:
    return ImageParams(**{"prompt": prompt, "width": SIDE, "height": SIDE, "steps": 3, "seed": 7, **changes})


class Watcher:
    """A sink that keeps the events of one request and checks their order as they come."""

    def __init__(self, request_id: str, on_event: Callable[[Event], None] | None = None) -> None:
        self.id = request_id
        self.events: list[Event] = []
        self.broken: list[str] = []
        self._on_event = on_event
        self._done = threading.Event()

    def __call__(self, event: Event) -> None:
        if event.request_id != self.id or self._done.is_set():
            self.broken.append(f"unexpected {event}")
        if isinstance(event, ProgressEvent):
            before = [one.step for one in self.events if isinstance(one, ProgressEvent)]
            least = (before[-1] if before else 0) + (not event.preview)
            if StartedEvent not in self.kinds or not least <= event.step <= event.steps:
                self.broken.append(f"{event} after {before}")
        self.events.append(event)
        if isinstance(event, FinishEvent):
            self._done.set()
        if self._on_event is not None:
            self._on_event(event)

    @property
    def kinds(self) -> list[type[Event]]:
        return [type(event) for event in self.events]

    def finish(self, timeout: float = 120) -> FinishEvent:
        assert self._done.wait(timeout), f"{self.id} did not finish; so far {self.events}"
        assert not self.broken, self.broken
        last = self.events[-1]
        assert isinstance(last, FinishEvent)
        assert self.kinds.count(FinishEvent) == 1
        return last

    def of(self, kind: type[Event]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def checkpoints(self) -> list[CheckpointEvent]:
        return self.of(CheckpointEvent)

    @property
    def steps(self) -> list[ProgressEvent]:
        return [event for event in self.of(ProgressEvent) if not event.preview]

    @property
    def previews(self) -> list[ProgressEvent]:
        return [event for event in self.of(ProgressEvent) if event.preview]

    def picture(self) -> np.ndarray:
        """(height, width, 3); the request must have ended well."""
        last = self.finish()
        assert not last.error, last.error
        (event,) = self.of(ImageEvent)
        return np.array(Image.open(io.BytesIO(event.png)))


def draw(
    engine: EngineThread, model: str, wanted: ImageParams, request_id: str = "one",
    on_event: Callable[[Event], None] | None = None, **more: Any,
) -> Watcher:  # fmt: skip
    watcher = Watcher(request_id, on_event)
    engine.submit(ImageRequest(request_id, model, wanted, **more), watcher)
    return watcher


def png(pixels: np.ndarray) -> bytes:
    written = io.BytesIO()
    Image.fromarray(pixels).save(written, "PNG")
    return written.getvalue()


def some_picture(side: int = SIDE) -> np.ndarray:
    """Something with colours and edges."""
    across = np.linspace(0, 255, side).astype(np.uint8)
    pixels = np.stack([np.tile(across, (side, 1)), np.tile(across[:, None], (1, side)), np.full((side, side), 80)], -1)
    pixels[side // 4 : side // 2, side // 4 : side // 2] = (250, 30, 40)
    return pixels.astype(np.uint8)


def half_mask(side: int = SIDE) -> np.ndarray:
    """The right half is drawn anew."""
    mask = np.zeros((side, side), np.uint8)
    mask[:, side // 2 :] = 255
    return mask


def far_apart(one: np.ndarray, other: np.ndarray) -> int:
    """The largest difference, in levels of 0 … 255."""
    return int(np.abs(one.astype(int) - other.astype(int)).max())
