"""What the person at the terminal sees: a line for each thing that matters, the logs in short, one box."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

PLAIN_LINES_KEPT = ("Traceback", "Error", "error:", "CRITICAL")


def say(text: str) -> None:
    sys.stdout.write(f"{time.strftime('%H:%M:%S')}  {text}\n")
    sys.stdout.flush()


def box(lines: Sequence[str]) -> None:
    """`lines` in a frame. Nothing follows a link on its line, so that terminals make it clickable."""
    rule = "─" * max(len(line) for line in lines)
    sys.stdout.write("\n" + "\n".join([rule, *lines, rule]) + "\n\n")
    sys.stdout.flush()


class Tail:
    """Follows one log file from its present end and tells its lines in short."""

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        path.touch()
        self._file = path.open(encoding="utf-8", errors="replace")
        self._file.seek(0, 2)
        self._rest = ""

    def lines(self) -> Iterator[str]:
        """What is new, one line for each entry worth a line."""
        *complete, self._rest = (self._rest + self._file.read()).split("\n")
        for line in complete:
            if short := in_short(line):
                yield f"{self._name:<7} {short}"


def in_short(line: str) -> str:
    """A log entry for the eye: level where it is bad, message, request or job; "" for what needs no eye."""
    try:
        entry = json.loads(line)
    except ValueError:
        return line.strip() if any(mark in line for mark in PLAIN_LINES_KEPT) else ""
    return _entry(entry) if isinstance(entry, dict) else line.strip()


def _entry(entry: dict[str, Any]) -> str:
    level, message = str(entry.get("level", "")), str(entry.get("message", ""))
    if level == "DEBUG":
        return ""
    parts = [message if level == "INFO" else f"{level} {message}"]
    if error := str(entry.get("exc_info") or "").strip().splitlines():
        parts.append(f"({error[-1]})")
    if job := entry.get("job_id"):
        parts.append(f"[job {job}]")
    return " ".join(parts)


def last_lines(path: Path, count: int = 12) -> str:
    """The end of a log, for when a start fails."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except FileNotFoundError:
        return ""
