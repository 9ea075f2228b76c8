"""Verifies an exported file with nothing but public keys: `python -m apps.audit.verify_file FILE KEY…`

A line of the file is an event or a checkpoint, in the order of the chain; the first line says what the file is. An
event's line ends with its canonical text, as it was hashed:

    {"position":7,"hash":"<64 digits>","labels":{"<ref>":{"of":…,"text":…,"salt":…}},"event":<canonical text>}

A file with only some of the events has the hash before each one as "after", and a checkpoint before those it signs.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any
from uuid import UUID

from apps.audit.chain import Finding, Walk, link
from apps.audit.checkpoints import TRAIL_BYTES, Checkpoint
from apps.audit.keys import BadKey, PublicKeys, read_public_keys
from apps.audit.label_text import reference

FORMAT = "atrium-audit-1"
EVENT = b',"event":'
EVENT_ID = re.compile(rb'\{"id":(\d+),')
MAX_LINE = 1 << 20
LABELS_REMEMBERED = 10_000


class NotAnExport(Exception):
    """The file, or one line of it, is not in the form that an export has; says which."""


@dataclass(frozen=True)
class FileReport:
    """`first` is the first bad event, None where all is well; `is_complete` is what the file claims to be."""

    events: int
    first: Finding | None
    is_complete: bool
    signed_up_to: int = 0
    signed_at: datetime | None = None


def verify_file(file: IO[bytes], keys: PublicKeys) -> FileReport:
    """Reads it once, in constant memory. Raises NotAnExport."""
    head = _json(file.readline(MAX_LINE), 1)
    if head.get("format") != FORMAT:
        raise NotAnExport(f"The first line does not say that this is an export of the form {FORMAT}.")
    reader = _Complete(keys, head) if head.get("complete") else _Partial(keys)
    for number, line in enumerate(iter(lambda: file.readline(MAX_LINE), b""), start=2):
        if line.startswith(b'{"checkpoint":'):
            reader.checkpoint(_checkpoint(line, number))
        elif reader.event(*_event(line, number)):
            break
        if reader.done:
            break
    return reader.report()


class _Complete:
    """The whole chain up to the checkpoint that the head of the file names."""

    def __init__(self, keys: PublicKeys, head: dict[str, Any]) -> None:
        self._walk = Walk(keys)
        self._labels = _Labels()
        self._label_finding: Finding | None = None
        promised = head.get("checkpoint")
        self._promised = _read_checkpoint(promised, 1) if promised else None

    @property
    def done(self) -> bool:
        return self._walk.done

    def event(self, place: dict[str, Any], event_id: int, text: bytes) -> bool:
        position = int(place["position"])
        self._walk.event(position, event_id, bytes.fromhex(place["hash"]), text)
        if self._label_finding is None and not self._labels.hold(place.get("labels")):
            self._label_finding = Finding(position, event_id, "has a label that is not the one it names")
        return False

    def checkpoint(self, signed: Checkpoint) -> None:
        self._walk.checkpoint(signed)

    def report(self) -> FileReport:
        self._walk.end(self._promised)
        found = [finding for finding in (self._walk.first, self._label_finding) if finding]
        first = min(found, key=lambda finding: finding.position, default=None)
        signed = self._walk.signed
        return FileReport(
            self._walk.position, first, True, signed.position if signed else 0, signed.at if signed else None
        )


class _Partial:
    """Some events: each must follow from the hash before it, and be in the trail of the checkpoint above it."""

    def __init__(self, keys: PublicKeys) -> None:
        self._keys, self._labels = keys, _Labels()
        self._above: Checkpoint | None = None
        self._reason = "has no checkpoint above it"
        self._first: Finding | None = None
        self._events = 0

    @property
    def done(self) -> bool:
        return self._first is not None

    def event(self, place: dict[str, Any], event_id: int, text: bytes) -> bool:
        position, stored = int(place["position"]), bytes.fromhex(place["hash"])
        self._events += 1
        if link(bytes.fromhex(place.get("after", "")), text) != stored:
            what = "was changed"
        elif self._reason:
            what = self._reason
        elif self._above is None or self._above.trail_at(position) != stored[:TRAIL_BYTES]:
            what = "is not what was signed"
        elif not self._labels.hold(place.get("labels")):
            what = "has a label that is not the one it names"
        else:
            return False
        self._first = Finding(position, event_id, what)
        return True

    def checkpoint(self, signed: Checkpoint) -> None:
        why = signed.why_not(self._keys)
        self._above, self._reason = signed, f"has a checkpoint that {why}" if why else ""

    def report(self) -> FileReport:
        above = self._above
        return FileReport(self._events, self._first, False, above.position if above else 0, above.at if above else None)


class _Labels:
    """Checks each label once, as long as it is remembered."""

    def __init__(self) -> None:
        self._good: set[tuple[str, str, str, str]] = set()

    def hold(self, labels: dict[str, dict[str, str]] | None) -> bool:
        for ref, label in (labels or {}).items():
            known = (ref, label["of"], label["text"], label["salt"])
            if known in self._good:
                continue
            if reference(label["of"], label["text"], bytes.fromhex(label["salt"])) != UUID(ref):
                return False
            if len(self._good) > LABELS_REMEMBERED:
                self._good.clear()
            self._good.add(known)
        return True


def _event(line: bytes, number: int) -> tuple[dict[str, Any], int, bytes]:
    """Where it stands, its id and its canonical text."""
    cut = line.find(EVENT)
    text = line[cut + len(EVENT) :].rstrip(b"\r\n")[:-1]
    found = EVENT_ID.match(text)
    if cut < 0 or found is None or not line.endswith(b"}\n"):
        raise NotAnExport(f"Line {number} is no event of an export, or it is cut off.")
    place = _json(line[:cut] + b"}", number)
    if not {"position", "hash"} <= place.keys():
        raise NotAnExport(f"Line {number} does not say where its event stands.")
    return place, int(found[1]), text


def _checkpoint(line: bytes, number: int) -> Checkpoint:
    return _read_checkpoint(_json(line, number)["checkpoint"], number)


def _read_checkpoint(written: Any, number: int) -> Checkpoint:
    try:
        return Checkpoint.from_json(written)
    except ValueError as error:
        raise NotAnExport(f"Line {number}: {error}") from error


def _json(line: bytes, number: int) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise NotAnExport(f"Line {number} is no JSON.") from error
    if not isinstance(found, dict):
        raise NotAnExport(f"Line {number} is no JSON object.")
    return found


def sentence(report: FileReport) -> str:
    """What a person reads at the end."""
    if report.first:
        return f"BAD. The first bad event is {report.first}."
    if not report.events:
        return "Empty: the file holds no event."
    until = f"signed up to position {report.signed_up_to} at {report.signed_at:%Y-%m-%d %H:%M:%S} UTC"
    if report.is_complete:
        return f"Good: {report.events} events, every one of them as it was, none missing; {until}."
    return f"Good: {report.events} events as they were signed. It is a selection: whether others fit is not shown."


def main(arguments: Iterable[str]) -> int:
    name, *keys = arguments
    try:
        with Path(name).open("rb") as file:
            report = verify_file(file, read_public_keys(Path(key) for key in keys))
    except (NotAnExport, BadKey, OSError, ValueError, KeyError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    sys.stdout.write(sentence(report) + "\n")
    return 1 if report.first else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
