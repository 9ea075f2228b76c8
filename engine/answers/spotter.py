"""Finds marks that come spelled out in a text, however it is cut into pieces."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import NamedTuple


class Piece(NamedTuple):
    text: str
    is_marker: bool


class Spotter:
    """Holds back an end of the text that may be the beginning of a mark; never longer than the longest mark."""

    def __init__(self, markers: Collection[str]) -> None:
        self._markers = tuple(markers)
        self._pattern = re.compile("|".join(map(re.escape, sorted(markers, key=len, reverse=True))) or "(?!)")
        self._longest = max(map(len, markers), default=0)
        self._held = ""

    def push(self, text: str) -> list[Piece]:
        text, pieces, at = self._held + text, [], 0
        for found in self._pattern.finditer(text):
            pieces += [Piece(text[at : found.start()], False), Piece(found.group(), True)]
            at = found.end()
        keep = len(text) - self._beginning(text, at)
        self._held = text[keep:]
        return [piece for piece in (*pieces, Piece(text[at:keep], False)) if piece.text]

    def finish(self) -> list[Piece]:
        """No more text comes: the beginning of a mark is text after all."""
        held, self._held = self._held, ""
        return [Piece(held, False)] if held else []

    def _beginning(self, text: str, after: int) -> int:
        """Length of the longest end of `text`, behind `after`, that begins a mark."""
        for length in range(min(self._longest - 1, len(text) - after), 0, -1):
            if any(marker.startswith(text[-length:]) for marker in self._markers):
                return length
        return 0
