"""Frames on their way to one client, bounded: one that does not read is let go, and never fills our memory."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from apps.generations.socket.codes import TOO_SLOW

LIMIT = 256
"""Frames waiting. A page that reads has a handful; followers wait for room, so replaying a long log is no trouble."""
SLOW_SECONDS = 8.0
"""How long one frame may wait for the client to take it."""
CLOSE_SECONDS = 1.0

Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Outbox:
    def __init__(self, send: Send) -> None:
        self._send = send
        self._waiting: asyncio.Queue[Mapping[str, Any] | None] = asyncio.Queue(LIMIT)
        self._code = 1000
        self._closing = False
        self.ended = asyncio.Event()
        """Set when nothing more will be sent: the socket is over."""

    def offer(self, frame: Mapping[str, Any]) -> None:
        """Queue a frame that nobody can wait for; a client with a full queue is too slow."""
        if self._closing:
            return
        try:
            self._waiting.put_nowait(frame)
        except asyncio.QueueFull:
            self.close(TOO_SLOW)

    async def put(self, frame: Mapping[str, Any]) -> None:
        """Queue a frame, waiting for room: what holds the source of a stream back to the client's pace."""
        await self._waiting.put(frame)

    def error(self, code: str, message: str) -> None:
        self.offer({"type": "error", "code": code, "message": message})

    def close(self, code: int) -> None:
        """Close after what is queued; with a full queue, without it."""
        if self._closing:
            return
        self._closing, self._code = True, code
        if self._waiting.full():
            while not self._waiting.empty():
                self._waiting.get_nowait()
        self._waiting.put_nowait(None)

    async def run(self) -> None:
        """Send until closed, by us or by a client that went away or stopped reading."""
        try:
            with suppress(OSError, RuntimeError):  # also a timeout: the client is gone, or will not take its close
                await self._send_waiting()
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._send({"type": "websocket.close", "code": self._code})
        finally:
            self.ended.set()

    async def _send_waiting(self) -> None:
        try:
            while (frame := await self._waiting.get()) is not None:
                async with asyncio.timeout(SLOW_SECONDS):
                    await self._send({"type": "websocket.send", "text": json.dumps(frame, separators=(",", ":"))})
                await asyncio.sleep(0)  # neither waits where there is enough: others have their turn in a long replay
        except TimeoutError:
            self._closing, self._code = True, TOO_SLOW
