"""Server-sent events from bytes, whatever pieces they come in."""

from __future__ import annotations

import re

from engine.remote.failures import broken

MAX_EVENT = 256 * 1024
"""Bytes of one event, its longest line included. One token of text needs a few hundred."""
LINE_END = re.compile(rb"\r\n|\n|\r")


class EventStream:
    """`feed` gives the data of the events that are complete. Comments, which keep a connection alive, and other fields
    are passed over. Raises UpstreamFailure for an event that is too large."""

    def __init__(self) -> None:
        self._rest = b""
        self._data: list[str] = []
        self._size = 0
        self._is_first = True

    def feed(self, data: bytes) -> list[str]:
        rest = self._rest + data
        # A \r at the end may be the first half of \r\n.
        held = b"\r" if rest.endswith(b"\r") else b""
        *lines, last = LINE_END.split(rest[: len(rest) - len(held)])
        self._rest = last + held
        if len(self._rest) + self._size > MAX_EVENT:
            raise broken("sent a line without end")
        return [event for line in lines if (event := self._line(line)) is not None]

    def close(self) -> list[str]:
        """The last event, where the stream ended without an empty line behind it."""
        lines = [self._rest.removesuffix(b"\r"), b""]
        self._rest = b""
        return [event for line in lines if (event := self._line(line)) is not None]

    def _line(self, raw: bytes) -> str | None:
        if self._is_first:
            raw, self._is_first = raw.removeprefix(b"\xef\xbb\xbf"), False
        if not raw:
            event, self._data, self._size = "\n".join(self._data), [], 0
            return event or None
        self._size += len(raw)
        if self._size > MAX_EVENT:
            raise broken("sent an event without end")
        name, _, value = raw.partition(b":")
        if name == b"data":  # lines end outside of characters, so each can be decoded alone
            self._data.append(value.removeprefix(b" ").decode("utf-8", "replace"))
        return None
