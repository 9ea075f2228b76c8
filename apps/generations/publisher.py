"""One thread that takes the engine's events to the event logs: many jobs in one round trip, 10 to 30 times a second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping
from queue import Empty, SimpleQueue
from time import monotonic, time
from types import MappingProxyType
from typing import NamedTuple

from apps.generations import events
from apps.generations.claims import Held
from apps.generations.log import Answer, Append, LogWriter
from apps.generations.said import Said
from apps.generations.transcript import Transcript
from apps.lib.redis import AWAY
from engine.types import (
    Event,
    FinishEvent,
    ImageEvent,
    LoadingEvent,
    ProgressEvent,
    ReasoningEvent,
    StartedEvent,
    TextEvent,
    ToolCallEvent,
)

TICK_SECONDS, LONGEST_TICK_SECONDS = 0.033, 0.1
"""Between two round trips. A reader sees no difference between these, but each word that goes alone costs every process
on its way most of a millisecond, which the engine lacks where they share a processor."""
STREAM_SECONDS = 0.0125
"""What each job that is being written makes of a tick, between the shortest and the longest."""
GATHER_SECONDS = 0.002
"""The engine tells of all its sequences after one step, one after another: wait for the last of them."""
AWAY_SECONDS = 0.5
"""Between attempts to reach a Redis that is away."""
KEEP_FINISHED_SECONDS = 30.0
"""How long a finish waits for a Redis that is away; PostgreSQL has it, and followers find it there."""

logger = logging.getLogger(__name__)
JSON = events.JSON


class About(NamedTuple):
    """What is known of a job when it is claimed and needed again at its end."""

    models: Mapping[str, str] = MappingProxyType({})
    """As `requests.models_of` tells them."""
    makes_picture: bool = False
    reproduces: str = ""
    """The id of the job that this one repeats."""
    longest_seconds: int | None = None
    """That it may take."""


UNKNOWN = About()


class Ended(NamedTuple):
    """The engine is done with an attempt, and this is what it said or made."""

    held: Held
    event: FinishEvent
    said: Said
    picture: ImageEvent | None = None
    about: About = UNKNOWN


class _Final(NamedTuple):
    held: Held
    event: JSON


class _Open(NamedTuple):
    held: Held
    about: About
    hides_reasoning: bool


class _Forget(NamedTuple):
    held: Held


class Publisher:
    """`on_end` and `on_stale` are called in this thread and must return at once."""

    def __init__(self, writer: LogWriter, *, on_end: Callable[[Ended], None], on_stale: Callable[[Held], None]) -> None:
        self._writer = writer
        self._on_end = on_end
        self._on_stale = on_stale
        self._inbox: SimpleQueue[tuple[Held, Event] | _Final | _Open | _Forget | None] = SimpleQueue()
        self._transcripts: dict[Held, Transcript] = {}
        self._about: dict[Held, About] = {}
        self._finished_at: dict[Held, float] = {}
        self._due: float | None = None
        self._last_flush = 0.0
        self._away_until = 0.0
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Write what can be written, and end."""
        self._inbox.put(None)
        self._thread.join(timeout=5)

    def open(self, held: Held, *, about: About = UNKNOWN, hides_reasoning: bool = False) -> None:
        """Events of this attempt will come; those of an attempt that isn't open are dropped."""
        self._inbox.put(_Open(held, about, hides_reasoning))

    def receive(self, held: Held, event: Event) -> None:
        """An event of the engine, in the engine's thread."""
        self._inbox.put((held, event))

    def finish(self, held: Held, event: JSON) -> None:
        """The job has its terminal state in the database: tell the followers."""
        self._inbox.put(_Final(held, event))

    def forget(self, held: Held) -> None:
        """This attempt is no longer ours: not a word more of it."""
        self._inbox.put(_Forget(held))

    def _run(self) -> None:
        while self._take():
            if self._due is not None and monotonic() >= self._due:
                try:
                    self._flush()
                except Exception:
                    logger.exception("the publisher could not write; it goes on")
                    self._retry_later()
        self._flush_quietly()

    def _take(self) -> bool:
        """Wait for an event or for the next tick; False at the end."""
        try:
            timeout = None if self._due is None else max(0.0, self._due - monotonic())
            item = self._inbox.get(timeout=timeout)
        except Empty:
            return True
        match item:
            case None:
                return False
            case _Open(held, about, hides_reasoning):
                self._transcripts[held] = Transcript(held, hides_reasoning=hides_reasoning)
                self._about[held] = about
            case _Forget(held):
                self._drop(held)
            case _Final(held, event):
                self._finish(held, event)
            case (held, event):
                self._apply(held, event)
        return True

    def _apply(self, held: Held, event: Event) -> None:
        transcript = self._transcripts.get(held)
        if transcript is None:
            if isinstance(event, FinishEvent):
                self._on_end(Ended(held, event, Said()))
            return
        match event:
            case TextEvent():
                self._schedule(at_once=not transcript.tokens)
                transcript.add_text(event)
            case ReasoningEvent():
                self._schedule(at_once=not transcript.tokens)
                transcript.add_reasoning(event)
            case ToolCallEvent():
                self._schedule(at_once=False)
                transcript.add_tool_call(event)
            case ProgressEvent():
                transcript.add_progress(event)
                self._schedule(at_once=False)
            case ImageEvent():
                transcript.picture = event
            case LoadingEvent():
                transcript.add(events.loading(event, time()))
                self._schedule(at_once=True)
            case StartedEvent():
                transcript.add(dict(events.STARTED))
                self._schedule(at_once=False, within=TICK_SECONDS)  # the first word often comes by then
            case FinishEvent():
                transcript.sureness.add(event.logprobs)
                said = transcript.said()
                said = said._replace(tokens=event.usage.completion_tokens or said.tokens)
                self._on_end(Ended(held, event, said, transcript.picture, self._about[held]))
                transcript.picture = None

    def _finish(self, held: Held, event: JSON) -> None:
        transcript = self._transcripts.get(held)
        if transcript is not None and not transcript.final:
            transcript.add(event)
            transcript.final = True
            self._finished_at[held] = monotonic()
            self._schedule(at_once=True)

    def _schedule(self, *, at_once: bool, within: float = GATHER_SECONDS) -> None:
        now = monotonic()
        wanted = now if at_once else max(now + within, self._last_flush + self._tick)
        wanted = max(wanted, self._away_until)
        self._due = wanted if self._due is None else min(self._due, wanted)

    @property
    def _tick(self) -> float:
        return min(max(TICK_SECONDS, STREAM_SECONDS * len(self._transcripts)), LONGEST_TICK_SECONDS)

    def _flush(self) -> None:
        self._due, self._last_flush = None, monotonic()
        batches = {held: each.to_write() for held, each in self._transcripts.items() if each.has_news}
        if not batches:
            return
        try:
            previews = [preview for held in batches if (preview := self._transcripts[held].preview())]
            answers = self._writer.append(list(batches.values()), previews)
            for (held, batch), answer in zip(batches.items(), answers, strict=True):
                transcript = self._transcripts[held]
                if answer == Answer.HOLE:
                    logger.warning("the event log of job %s was lost and goes on from a snapshot", held.job)
                    self._writer.snapshot(transcript.snapshot(), repair=True)
                    lost = transcript.preview(again=True)
                    answer = self._writer.append([batch], [lost] if lost else [])[0]
                if answer == Answer.STALE:
                    self._drop(held)
                    self._on_stale(held)
                else:
                    self._written(transcript, batch)
        except AWAY as error:
            logger.warning("Redis can't be reached; %d jobs go on without it: %s", len(batches), error)
            self._retry_later()

    def _written(self, transcript: Transcript, batch: Append) -> None:
        transcript.written(batch)
        if transcript.final and not transcript.has_news:
            self._drop(transcript.held)
        elif transcript.snapshot_due():
            self._writer.snapshot(transcript.snapshot(), repair=False)

    def _retry_later(self) -> None:
        now = monotonic()
        self._away_until = now + AWAY_SECONDS
        self._due = self._away_until
        for held in [held for held, since in self._finished_at.items() if now - since > KEEP_FINISHED_SECONDS]:
            self._drop(held)

    def _flush_quietly(self) -> None:
        try:
            self._flush()
        except Exception:
            logger.exception("the last events were not written; followers find the ends in the database")

    def _drop(self, held: Held) -> None:
        self._transcripts.pop(held, None)
        self._about.pop(held, None)
        self._finished_at.pop(held, None)
