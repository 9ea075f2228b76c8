"""A sink that keeps the events of one request and checks their order as they come."""

from __future__ import annotations

import threading
from collections.abc import Callable

from engine.service import EngineThread
from engine.types import (
    Event,
    FinishEvent,
    GenerationRequest,
    LoadingEvent,
    ReasoningEvent,
    SamplingParams,
    StartedEvent,
    TextEvent,
)

GREEDY = SamplingParams(temperature=0, max_tokens=24, ignore_eos=True)


class Recorder:
    def __init__(self, request_id: str, on_event: Callable[[Event], None] | None = None) -> None:
        self.id = request_id
        self.events: list[Event] = []
        self.broken: list[str] = []
        self._on_event = on_event
        self._done = threading.Event()

    def __call__(self, event: Event) -> None:
        self._check(event)
        self.events.append(event)
        if isinstance(event, FinishEvent):
            self._done.set()
        if self._on_event is not None:
            self._on_event(event)

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextEvent))

    @property
    def reasoning(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, ReasoningEvent))

    @property
    def kinds(self) -> list[type[Event]]:
        return [type(event) for event in self.events]

    def finish(self, timeout: float = 60) -> FinishEvent:
        """The last event, once it came, after checking all that came before."""
        assert self._done.wait(timeout), f"{self.id} did not finish; so far {self.events}"
        assert not self.broken, self.broken
        assert self.kinds.count(FinishEvent) == 1
        last = self.events[-1]
        assert isinstance(last, FinishEvent)
        return last

    def _check(self, event: Event) -> None:
        if event.request_id != self.id:
            self.broken.append(f"an event of {event.request_id}")
        if self._done.is_set():
            self.broken.append(f"{event} after the last event")
        if isinstance(event, TextEvent) and (event.offset != len(self.text) or not event.text):
            self.broken.append(f"{event} at offset {len(self.text)}")
        if isinstance(event, TextEvent) and StartedEvent not in self.kinds:
            self.broken.append(f"{event} before the start")
        if isinstance(event, LoadingEvent) and set(self.kinds) - {LoadingEvent}:
            self.broken.append("loading came after other events")


def submit(
    engine: EngineThread, model: str, prompt: list[int] | tuple[int, ...], params: SamplingParams = GREEDY,
    request_id: str = "one", on_event: Callable[[Event], None] | None = None,
) -> Recorder:  # fmt: skip
    recorder = Recorder(request_id, on_event)
    engine.submit(GenerationRequest(request_id, model, tuple(prompt), params), recorder)
    return recorder
