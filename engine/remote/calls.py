"""Tool calls of an upstream, put together from the pieces in which they are streamed."""

from __future__ import annotations

from collections.abc import Iterable

from engine.answers import ToolCall
from engine.answers.calls import named_call
from engine.remote.chunks import CallPart

MAX_CALLS = 64
"""In one answer; what comes behind is ignored."""


class Calls:
    def __init__(self) -> None:
        self._parts: dict[int, tuple[list[str], list[str]]] = {}

    def add(self, parts: Iterable[CallPart], most: int) -> int:
        """How many characters of them were kept, up to `most`."""
        kept = 0
        for part in parts:
            if part.index not in self._parts and len(self._parts) >= MAX_CALLS:
                continue
            names, arguments = self._parts.setdefault(part.index, ([], []))
            for text, pieces in ((part.name, names), (part.arguments, arguments)):
                piece = text[: most - kept]
                pieces.append(piece)
                kept += len(piece)
        return kept

    def read(self) -> list[ToolCall]:
        """In the server's order. Arguments that were cut off make a call that isn't valid."""
        ordered = (self._parts[index] for index in sorted(self._parts))
        return [named_call("".join(names), _whole("".join(arguments))) for names, arguments in ordered]


def _whole(text: str) -> str:
    """Surrogate pairs that were torn apart between two pieces, put together; half ones replaced."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
