"""What one attempt has said so far, and which part of it the event log has."""

from __future__ import annotations

from apps.generations import events
from apps.generations.claims import Held
from apps.generations.log import SNAPSHOT_EVERY, Append, Snapshot
from engine.types import TextEvent

JSON = events.JSON


class Transcript:
    """Belongs to the publisher's thread. Text that waits to be written is joined into one event, but never into one
    that is on its way: Redis may have that already, and an event must not change."""

    def __init__(self, held: Held) -> None:
        self.held = held
        self.tokens = 0
        self.final = False
        self._parts: list[str] = []
        self._length = 0
        self._waiting: list[JSON] = []
        self._sent = 0
        self._seq = 0
        self._snapshot_seq = 0
        self._written_length = 0
        self._written_tokens = 0

    @property
    def text(self) -> str:
        self._parts = ["".join(self._parts)]
        return self._parts[0]

    @property
    def has_news(self) -> bool:
        return bool(self._waiting)

    def add_text(self, event: TextEvent) -> None:
        # PostgreSQL stores no NUL, and one for one keeps all offsets.
        new = event.text.replace("\0", "\ufffd")
        if len(self._waiting) > self._sent and self._waiting[-1]["kind"] == "text":
            last = self._waiting[-1]
            last["text"], last["tokens"] = last["text"] + new, event.tokens
        else:
            self._waiting.append(events.text(self._length, new, event.tokens))
        self._parts.append(new)
        self._length += len(new)
        self.tokens = event.tokens

    def add(self, event: JSON) -> None:
        self._waiting.append(event)

    def to_write(self) -> Append:
        """All that waits. From now on it is on its way, until `written`."""
        self._sent = len(self._waiting)
        return Append(self.held.job, self.held.attempt, self._seq + 1, tuple(self._waiting), self.final)

    def written(self, batch: Append) -> None:
        for event in batch.events:
            if event["kind"] == "text":
                self._written_length += len(event["text"])
                self._written_tokens = event["tokens"]
        self._seq += len(batch.events)
        del self._waiting[: len(batch.events)]
        self._sent = 0

    def snapshot_due(self) -> bool:
        return self._seq - self._snapshot_seq >= SNAPSHOT_EVERY

    def snapshot(self) -> Snapshot:
        """What is written so far, as one piece."""
        self._snapshot_seq = self._seq
        job, attempt = self.held
        return Snapshot(job, attempt, self._seq, self.text[: self._written_length], self._written_tokens)
