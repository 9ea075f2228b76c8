"""Server-sent events: a job followed over plain HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from django.http import StreamingHttpResponse

Message = dict[str, Any]
SILENCE = b":\n\n"
"""A comment, which readers skip: it keeps the line open, and finds out where nobody is there any more."""


class EventStream(StreamingHttpResponse):
    """Ends its source as soon as nobody reads on. Django's own leaves that to the collector of garbage, which may take
    its time where the response is part of a circle."""

    def __init__(self, sent: AsyncGenerator[bytes, None]) -> None:
        """Nothing in between keeps or gathers what is sent."""
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(sent, content_type="text/event-stream", headers=headers)
        self._sent = sent

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        async with aclosing(self._sent) as sent:
            async for part in sent:
                yield part


async def with_pauses(messages: AsyncGenerator[Message, None], seconds: float) -> AsyncGenerator[Message | None, None]:
    """The same, with None wherever nothing came for so long."""
    coming = asyncio.ensure_future(anext(messages, None))
    try:
        while True:
            await asyncio.wait({coming}, timeout=seconds)
            if not coming.done():
                yield None
                continue
            if (message := coming.result()) is None:
                return
            coming = asyncio.ensure_future(anext(messages, None))
            yield message
    finally:
        coming.cancel()
        with suppress(asyncio.CancelledError):
            await coming
        await messages.aclose()
