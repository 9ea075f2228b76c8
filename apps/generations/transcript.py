"""What one attempt has said so far, or how far its picture is, and which part of that the event log has."""

from __future__ import annotations

from apps.generations import events
from apps.generations.certainty import Gathering
from apps.generations.claims import Held
from apps.generations.log import SNAPSHOT_EVERY, Append, Preview, Snapshot
from apps.generations.said import Said
from engine.types import ImageEvent, ProgressEvent, ReasoningEvent, TextEvent, ToolCallEvent

JSON = events.JSON
VERSIONS_OF_AN_ATTEMPT = 10_000
"""The version of a preview is its step, counted on from so many for each attempt: it only grows."""


class Growing:
    """A text that only grows, and how much of it is written."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self.length = 0
        self.written = 0

    def add(self, new: str) -> str:
        """PostgreSQL stores no NUL, and one for one keeps all offsets."""
        new = new.replace("\0", "\ufffd")
        self._parts.append(new)
        self.length += len(new)
        return new

    def __str__(self) -> str:
        self._parts = ["".join(self._parts)]
        return self._parts[0]


class Transcript:
    """Belongs to the publisher's thread. Text that waits to be written is joined into one event, but never into one
    that is on its way: Redis may have that already, and an event must not change.

    With `hides_reasoning` nothing of what the model thinks gets further than here: only that and how long it does.
    """

    def __init__(self, held: Held, *, hides_reasoning: bool = False) -> None:
        self.held = held
        self.tokens = 0
        self.final = False
        self.picture: ImageEvent | None = None
        self._preview: Preview | None = None
        self._written_preview = 0
        self._written_progress: JSON | None = None
        self._hides_reasoning = hides_reasoning
        self._text = Growing()
        self._reasoning = Growing()
        self._reasoning_ms: float | None = None
        self._calls: list[JSON] = []
        self.sureness = Gathering()
        self._waiting: list[JSON] = []
        self._sent = 0
        self._seq = 0
        self._snapshot_seq = 0
        self._written_calls = 0
        self._written_tokens = 0
        self._written_ms: float | None = None

    @property
    def has_news(self) -> bool:
        return bool(self._waiting)

    def said(self) -> Said:
        return Said(
            str(self._text), str(self._reasoning), tuple(self._calls), self.tokens, self._reasoning_ms,
            sureness=self.sureness.result(),
        )  # fmt: skip

    def add_text(self, event: TextEvent) -> None:
        offset, self.tokens = self._text.length, event.tokens
        self.sureness.add(event.logprobs)
        self._join(events.text(offset, self._text.add(event.text), event.tokens))

    def add_reasoning(self, event: ReasoningEvent) -> None:
        offset, self.tokens, self._reasoning_ms = self._reasoning.length, event.tokens, event.ms
        if self._hides_reasoning:
            self._join(events.hidden_reasoning(event.tokens, event.ms))
        else:
            self._join(events.reasoning(offset, self._reasoning.add(event.text), event.tokens, event.ms))

    def add_tool_call(self, event: ToolCallEvent) -> None:
        self.tokens = event.tokens
        told = {"name": event.name, "arguments": event.arguments}
        call = {name: text.replace("\0", "\ufffd") for name, text in told.items()} | {"valid": event.valid}
        self.add(events.tool_call(len(self._calls), call, event.tokens))
        self._calls.append(call)

    def add_progress(self, event: ProgressEvent) -> None:
        if event.preview:
            version = self.held.attempt * VERSIONS_OF_AN_ATTEMPT + event.step
            self._preview = Preview(self.held.job, version, event.preview)
        self._join(events.progress(event.step, event.steps, self._preview.version if self._preview else None))

    def preview(self, *, again: bool = False) -> Preview | None:
        """The newest one, where it isn't written yet, or `again`."""
        if self._preview is None or (self._preview.version <= self._written_preview and not again):
            return None
        return self._preview

    def add(self, event: JSON) -> None:
        self._waiting.append(event)

    def _join(self, event: JSON) -> None:
        """To the last event that waits, where that goes before it; else behind it."""
        last = self._waiting[-1] if len(self._waiting) > self._sent else {"kind": ""}
        if last["kind"] != event["kind"]:
            self._waiting.append(event)
        else:
            kept = {name: last[name] for name in ("offset",) if name in last}
            text = {"text": last["text"] + event["text"]} if "text" in event else {}
            last.update(event | kept | text)

    def to_write(self) -> Append:
        """All that waits. From now on it is on its way, until `written`."""
        self._sent = len(self._waiting)
        return Append(self.held.job, self.held.attempt, self._seq + 1, tuple(self._waiting), self.final)

    def written(self, batch: Append) -> None:
        for event in batch.events:
            self._note_written(event)
        self._seq += len(batch.events)
        del self._waiting[: len(batch.events)]
        self._sent = 0

    def _note_written(self, event: JSON) -> None:
        match event["kind"]:
            case "text":
                self._text.written += len(event["text"])
            case "reasoning":
                self._reasoning.written += len(event.get("text", ""))
                self._written_ms = event["ms"]
            case "tool_call":
                self._written_calls += 1
            case "progress":
                self._written_progress = event
                self._written_preview = event.get("preview", 0)
        self._written_tokens = event.get("tokens", self._written_tokens)

    def snapshot_due(self) -> bool:
        return self._seq - self._snapshot_seq >= SNAPSHOT_EVERY

    def snapshot(self) -> Snapshot:
        """What is written so far, as one piece."""
        self._snapshot_seq = self._seq
        if self._written_progress is not None:
            return Snapshot(self.held.job, self.held.attempt, self._seq, self._written_progress)
        said = Said(
            str(self._text)[: self._text.written],
            str(self._reasoning)[: self._reasoning.written],
            tuple(self._calls[: self._written_calls]),
            self._written_tokens,
            self._written_ms,
        )
        return Snapshot(self.held.job, self.held.attempt, self._seq, events.snapshot(said))
