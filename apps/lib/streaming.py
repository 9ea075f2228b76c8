"""Answers that are made while they are sent."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import TypeVar

from asgiref.sync import sync_to_async

Piece = TypeVar("Piece", str, bytes)


async def while_sent(pieces: Iterator[Piece]) -> AsyncIterator[Piece]:
    """Each is made when the one before was sent, in the request's own thread: the event loop goes on meanwhile. A
    plain iterator would be read to its end before the first byte."""

    def following() -> Piece | None:
        return next(pieces, None)

    while (piece := await sync_to_async(following)()) is not None:
        yield piece
