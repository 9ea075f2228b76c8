"""Server-sent events over plain HTTP."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from apps.generations.sse import EventStream


async def test_the_source_ends_as_soon_as_nobody_reads_on() -> None:
    ended = []

    async def source() -> AsyncGenerator[bytes, None]:
        try:
            while True:
                yield b"data: more\n\n"
        finally:
            ended.append(True)

    response = EventStream(source())
    async with aclosing(aiter(response)) as content:  # as Django's handler reads it
        assert await anext(content) == b"data: more\n\n"
        assert not ended
    assert ended, "though somebody still has the response"
