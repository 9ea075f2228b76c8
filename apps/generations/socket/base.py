"""The ASGI side of a socket: its loop, its frames and its end. What the frames mean is its consumer's."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from channels.consumer import AsyncConsumer
from channels.exceptions import StopConsumer
from channels.utils import await_many_dispatch
from django.db import DatabaseError

from apps.generations.socket import codes
from apps.generations.socket.frames import FRAMES_PER_SECOND, MAX_FRAME_BYTES, BadFrame, TokenBucket, is_too_large
from apps.generations.socket.outbox import Outbox, Send

JSON = dict[str, Any]
logger = logging.getLogger(__name__)


class FrameSocket(AsyncConsumer):  # type: ignore[misc]  # Channels has no types
    """One socket. What the client sends and what the channel layer brings is handled one after another."""

    scope: JSON
    outbox: Outbox

    async def __call__(self, scope: JSON, receive: Callable[[], Awaitable[JSON]], send: Send) -> None:
        self.scope, self.base_send = scope, send
        self.outbox = Outbox(send)
        self.bucket = TokenBucket()
        self.tasks: list[asyncio.Task[None]] = []
        try:
            await await_many_dispatch([receive, self.next_nudge, self._end], self.dispatch)
        except StopConsumer:
            return
        finally:
            for task in self.tasks:
                task.cancel()
            await self.leave()

    async def dispatch(self, message: JSON) -> None:
        """As in Channels, but without its hop to a thread for every message: our database work has its own threads."""
        if handler := getattr(self, message["type"].replace(".", "_"), None):
            await handler(message)

    async def next_nudge(self) -> JSON:
        """The next message of the channel layer."""
        raise NotImplementedError

    async def enter(self) -> None:
        """The socket was accepted: let it in, or close the outbox."""
        raise NotImplementedError

    async def handle(self, text: str | None) -> None:
        """Do what a frame asks (None: the client sent bytes). Raises BadFrame for one that can't be followed,
        DatabaseError where the database is away."""
        raise NotImplementedError

    async def leave(self) -> None:
        raise NotImplementedError

    async def end_with(self, code: int) -> None:
        self.outbox.close(code)

    async def websocket_connect(self, _: JSON) -> None:
        """Accept first: only the close code of an accepted socket tells the page why it may not stay."""
        await self.base_send({"type": "websocket.accept"})
        self.start(self.outbox.run())
        await self.enter()

    async def websocket_disconnect(self, _: JSON) -> None:
        raise StopConsumer

    async def websocket_receive(self, message: JSON) -> None:
        text, data = message.get("text"), message.get("bytes")
        if is_too_large(text, data):
            self.outbox.error("too_large", f"A frame has at most {MAX_FRAME_BYTES // 1024} KiB.")
            await self.end_with(codes.TOO_LARGE)
        elif not self.bucket.take():
            self.outbox.error("too_fast", f"At most {FRAMES_PER_SECOND} frames a second are read.")
            await self.end_with(codes.TOO_FAST)
        else:
            try:
                await self.handle(text)
            except BadFrame as bad:
                self.outbox.error(bad.code, bad.message)
            except DatabaseError:
                self.outbox.error("unavailable", "The database can't be reached just now. Try again in a moment.")

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run beside the loop until the socket ends; where it breaks, so does the socket: nobody stays unwatched."""
        self.tasks.append(asyncio.create_task(self._guarded(work)))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:
            logger.exception("a part of a socket failed")
            await self.end_with(codes.TRY_LATER)

    async def _end(self) -> JSON:
        await self.outbox.ended.wait()
        return {"type": "websocket.disconnect"}
