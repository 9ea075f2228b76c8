"""A deterministic engine with a pace, for tests in which the model isn't the point, and ways to run jobs with it."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic, sleep
from typing import Any

from apps.generations.models import GenerationJob
from apps.generations.runner import Runner
from engine.answers import ToolCall
from engine.ticket import EngineStopped
from engine.types import (
    FinishEvent,
    FinishReason,
    GenerationRequest,
    ImageRequest,
    LoadingEvent,
    ReasoningEvent,
    Sink,
    StartedEvent,
    TextEvent,
    ToolCallEvent,
    Usage,
)
from tests.generations.scripted_pictures import Drawing

MADE_WITH = {"engine": "scripted", "device": "none"}
PATIENCE = 90.0
"""Seconds for what takes a fraction of one where nothing else runs."""


def expected(request: GenerationRequest | GenerationJob, tokens: int | None = None) -> str:
    """The text that the scripted engine writes: a function of the prompt and the seed, with characters of all sizes."""
    if isinstance(request, GenerationJob):
        prompt, seed, most = tuple(request.prompt_ids), request.params["seed"], request.params["max_tokens"]
    else:
        prompt, seed, most = request.prompt_ids, request.params.seed, request.params.max_tokens
    digest = hashlib.sha256(repr((prompt, seed)).encode()).hexdigest()
    words = [f"{digest[index % 60 : index % 60 + 3]}{' é🎉'[index % 3]}" for index in range(most)]
    return "".join(words[:tokens])


def expected_reasoning(job: GenerationJob, thinks: int) -> str:
    """What an engine that `thinks` so many tokens writes before the answer."""
    return "".join(_thought(number) for number in range(thinks))


def _thought(number: int) -> str:
    return f"T{number}{' é🎉'[number % 3]}"


class ScriptedEngine:
    """One thread a request, one token each `pace` seconds. Obeys the protocol of EngineThread.

    It `thinks` so many tokens before it answers, and after the answer asks for the tool of `call`, so many times.
    """

    def __init__(self, pace: float = 0.004, *, thinks: int = 0, call: ToolCall | None = None) -> None:
        self.pace = pace
        self.thinks = thinks
        self.call = call
        self.calls = 1
        self.load_seconds: float | None = None
        """What it says about loading, which takes no time here."""
        self.loads: tuple[str, ...] = ()
        """Engine keys that it says it is loading."""
        self.frozen = threading.Event()
        self.requests: list[Any] = []
        self.made_with = MADE_WITH
        self.hue = 0
        """Another one draws other pictures from the same request: as if it weren't deterministic."""
        self._cancelled: set[str] = set()
        self._open: set[str] = set()
        self._stopped = False
        self.lost = threading.Event()
        """It has died, and told everybody."""

    def submit(self, request: GenerationRequest | ImageRequest, sink: Sink) -> None:
        if self.lost.is_set():
            raise EngineStopped("The engine is not running.")
        assert request.id not in self._open
        self.requests.append(request)
        self._open.add(request.id)
        threading.Thread(target=self._run, args=(request, sink), daemon=True).start()

    def cancel(self, request_id: str) -> None:
        self._cancelled.add(request_id)

    def loaded(self) -> tuple[str, ...]:
        return ()

    def loading(self) -> tuple[str, ...]:
        return self.loads

    def is_alive(self) -> bool:
        return not self.lost.is_set()

    def stop(self, *, drain_seconds: float) -> None:
        self._stopped = True
        end = monotonic() + 2
        while self._open and monotonic() < end:
            sleep(0.005)

    def _run(self, request: GenerationRequest | ImageRequest, sink: Sink) -> None:
        name = request.id
        ticket = self._script(request, sink)
        sink(LoadingEvent(name, self.load_seconds))
        sink(StartedEvent(name))
        reason, code = FinishReason.LENGTH, ""
        late = None if request.deadline_seconds is None else monotonic() + request.deadline_seconds
        done = ticket.first - 1
        for done in range(ticket.first, ticket.last + 1):
            while self.frozen.is_set() and not self._stopped and not (late and monotonic() > late):
                sleep(0.005)
            if self.lost.is_set():
                reason, code = FinishReason.ERROR, "lost"
                break
            if name in self._cancelled or self._stopped:
                reason, code = (FinishReason.ERROR, "shutdown") if self._stopped else (FinishReason.CANCELLED, "")
                done -= 1
                break
            if late is not None and monotonic() > late:
                reason, code = FinishReason.ERROR, "deadline"
                done -= 1
                break
            ticket.token(done)
            sleep(self.pace)
        if self.call is not None and reason == FinishReason.LENGTH:
            for number in range(self.calls):
                sink(ToolCallEvent(name, number, self.call.name, self.call.arguments, self.call.valid, done))
            reason = FinishReason.STOP
        if isinstance(ticket, Drawing) and reason == FinishReason.LENGTH:
            reason = FinishReason.STOP
            ticket.picture()
        self._open.discard(name)
        sink(FinishEvent(name, reason, ticket.usage(done), code, "", made_with=self.made_with))

    def _script(self, request: GenerationRequest | ImageRequest, sink: Sink) -> Drawing | _Script:
        if isinstance(request, ImageRequest):
            return Drawing(request, sink, self.hue)
        return _Script(request, sink, self.thinks)


class _Script:
    """The tokens of one request: first the thoughts, then the text."""

    first = 1

    def __init__(self, request: GenerationRequest, sink: Sink, thinks: int) -> None:
        self.last = request.params.max_tokens + thinks
        self._request, self._sink, self._thinks = request, sink, thinks
        self._text, self._size = expected(request), len(expected(request, 1))
        self._thought_chars = 0

    def token(self, number: int) -> None:
        name = self._request.id
        if number <= self._thinks:
            thought = _thought(number - 1)
            self._sink(ReasoningEvent(name, self._thought_chars, thought, number, float(number)))
            self._thought_chars += len(thought)
        else:
            offset = (number - self._thinks - 1) * self._size
            self._sink(TextEvent(name, offset, self._text[offset : offset + self._size], number))

    def usage(self, done: int) -> Usage:
        thought = min(done, self._thinks)
        return Usage(
            prompt_tokens=len(self._request.prompt_ids),
            completion_tokens=done,
            ttft_ms=1.0,
            decode_ms=10.0,
            reasoning_tokens=thought,
            reasoning_ms=float(thought) if thought else None,
        )


@contextmanager
def running_worker(engine: Any, name: str = "worker", slots: int = 4) -> Iterator[Runner]:
    runner = Runner(engine, worker_id=name, device="none", slots=slots, served=lambda: ("tiny", "painter"))
    with stopped_at_the_end(runner):
        yield runner


@contextmanager
def stopped_at_the_end(runner: Runner) -> Iterator[Runner]:
    runner.start()
    try:
        yield runner
    finally:
        # In a thread: a test with an event loop must not touch the database in its own.
        stopping = threading.Thread(target=runner.stop, kwargs={"drain_seconds": 0})
        stopping.start()
        stopping.join()


def ended(job: GenerationJob, seconds: float = PATIENCE) -> GenerationJob:
    """The job once it has ended."""
    end = monotonic() + seconds
    while monotonic() < end:
        job = GenerationJob.objects.get(pk=job.pk)
        if job.is_terminal:
            return job
        sleep(0.01)
    raise AssertionError(f"job {job.pk} is still {job.state} after {seconds} s")


def until(condition: Any, seconds: float = PATIENCE) -> None:
    end = monotonic() + seconds
    while not condition():
        assert monotonic() < end, "what was waited for did not happen"
        sleep(0.005)
