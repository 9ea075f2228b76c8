"""The chain of hashes, and the one who walks along it and names the first event that is not what it was.

Knows neither Django nor the database: the same walk goes over the tables and over an exported file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from apps.audit.checkpoints import SPAN, TRAIL_BYTES, Checkpoint

GENESIS = bytes(32)
"""What stands before the first event."""


def link(previous: bytes, text: bytes) -> bytes:
    """The hash of an event: SHA-256 over the hash before it (32 bytes) and its canonical text in UTF-8."""
    return hashlib.sha256(previous + text).digest()


@dataclass(frozen=True)
class Finding:
    """What is wrong first, and where. `event_id` is None where the event itself is gone and nobody knows its number."""

    position: int
    event_id: int | None
    what: str

    def __str__(self) -> str:
        who = "an event" if self.event_id is None else f"event {self.event_id}"
        return f"{who} at position {self.position}: {self.what}"


class Walk:
    """Feed it events and checkpoints in the order of their positions, then `end`; `first` is the first bad event.

    A hash that doesn't fit says that something was changed there. Whoever can write the whole chain anew makes all
    hashes fit; then they differ from what a checkpoint signed, and its trail tells from which event on. So after a
    finding the walk goes on to the next checkpoint, which may know of an earlier one, and is `done` there.
    """

    def __init__(self, keys: Mapping[str, Ed25519PublicKey]) -> None:
        self._keys = keys
        self.position, self.hash, self.event_id = 0, GENESIS, 0
        self.signed: Checkpoint | None = None
        self.done = False
        self._start = 0
        self._open: list[tuple[int, bytes]] = []  # since the last checkpoint: event and hash; b"" where one is missing
        self._findings: list[Finding] = []

    @property
    def first(self) -> Finding | None:
        return min(self._findings, key=lambda finding: finding.position, default=None)

    def event(self, position: int, event_id: int, stored: bytes, text: bytes | None) -> None:
        """One link: where it stands, what it is said to hash to, and its text; None where the event is gone."""
        if position != self.position + 1:
            if position <= self.position:
                self._found(self.position + 1, event_id, f"stands out of order; its place is {position}")
                return
            self.missing(position, event_id)
        if text is None:
            self._found(position, event_id, "is gone")
        elif hashlib.sha256(self.hash + text).digest() != stored:
            self._found(position, event_id, "was changed, or what stood before it was")
        self.position, self.hash, self.event_id = position, stored, event_id
        self._open.append((event_id, stored))
        if len(self._open) > SPAN:
            self._found(self._start + 1, self._open[0][0], "no checkpoint signs it, nor those after it")
            self.done = True

    def missing(self, position: int, event_id: int) -> None:
        """The next that is there stands at `position`; what lies between is gone."""
        gone, between = position - self.position - 1, event_id - self.event_id - 1
        known = self.event_id + 1 if gone == between else None
        where = f"between event {self.event_id} and event {event_id}" if self.event_id else f"before event {event_id}"
        self._found(self.position + 1, known, f"is gone; it stood {where}")
        self._open += [(0, b"")] * min(gone, SPAN + 1 - len(self._open))
        self.position = position - 1

    def checkpoint(self, signed: Checkpoint) -> None:
        """The next one, once all events up to its position were fed."""
        if reason := signed.why_not(self._keys):
            self._found(signed.start + 1, self._event_at(signed.start + 1), f"its checkpoint {reason}")
        elif signed.start != self._start:
            at = self._start + 1
            self._found(
                at, self._event_at(at), f"the checkpoint that signed it is gone; the next is of {signed.position}"
            )
        elif self.position < signed.position:
            self._cut_off(signed)
        self._compare(signed)
        covered = signed.position - self._start
        self._open, self._start, self.signed = self._open[max(covered, 0) :], signed.position, signed
        self.done = self.done or bool(self._findings)

    def end(self, last_known: Checkpoint | None = None) -> None:
        """Nothing follows. `last_known` is a checkpoint from elsewhere that the chain must reach and agree with."""
        if last_known is None or self._findings:
            return
        if reason := last_known.why_not(self._keys):
            self._found(1, None, f"the checkpoint kept outside the log {reason}")
        elif last_known.position > self.position:
            self._cut_off(last_known)
        elif last_known.position > self._start:
            _, stored = self._open[last_known.position - self._start - 1]
            is_same = stored == last_known.hash
            what = "the checkpoint that signed it is gone" if is_same else "it or one before is not what was signed"
            self._found(self._start + 1, self._event_at(self._start + 1), f"{what} (position {last_known.position})")

    def _cut_off(self, signed: Checkpoint) -> None:
        last = f"event {self.event_id} is the last" if self.event_id else "there is none"
        what = f"is gone, with all that followed: {last}, and up to {signed.position} was signed at {signed.at_text}"
        self._found(self.position + 1, None, what)

    def _compare(self, signed: Checkpoint) -> None:
        """The hashes that stand here against those that were signed; only the first that differs counts."""
        for number, (event_id, stored) in enumerate(self._open[: signed.position - signed.start]):
            if stored and stored[:TRAIL_BYTES] != signed.trail_at(signed.start + number + 1):
                what = (
                    f"is not what was signed at {signed.at_text}: it was changed, or put in, or one before it taken out"
                )
                self._found(signed.start + number + 1, event_id, what)
                return
        if not self._findings and self.position >= signed.position:
            event_id, stored = self._open[signed.position - signed.start - 1]
            if stored != signed.hash:
                self._found(signed.position, event_id, f"is not what was signed at {signed.at_text}")

    def _event_at(self, position: int) -> int | None:
        number = position - self._start - 1
        return self._open[number][0] if 0 <= number < len(self._open) else None

    def _found(self, position: int, event_id: int | None, what: str) -> None:
        self._findings.append(Finding(position, event_id, what))
