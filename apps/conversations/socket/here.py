"""One socket's part in the presence of its conversation: being there, typing, and telling when the picture changed."""

from __future__ import annotations

import asyncio
from typing import Any

from apps.conversations import presence
from apps.conversations.broadcast import group_of
from apps.conversations.presence import Present
from apps.generations.socket.outage import Outage
from apps.generations.socket.outbox import Outbox
from apps.lib.groups import group_send
from apps.lib.ids import new_id
from apps.lib.redis import AWAY

CHANGED = {"type": "presence.changed"}


class Here:
    def __init__(self, conversation_id: str, person: dict[str, Any], outbox: Outbox, outage: Outage) -> None:
        self._conversation_id, self._person = conversation_id, person
        self._socket_id = new_id()
        self._outbox, self._outage = outbox, outage
        self.shown: list[Present] = []
        """Who is here as the page knows it."""
        self._typing_ends: asyncio.TimerHandle | None = None
        self._ending: asyncio.Task[None] | None = None

    async def arrive(self) -> None:
        await self._touch()
        self.shown = await self._read()
        await self._announce()

    async def renew(self) -> None:
        """Stay here, and notice who expired."""
        await self._touch()
        await self.show()

    async def show(self) -> None:
        """Send the picture to the page where it changed."""
        found = await self._read()
        if found != self.shown:
            self.shown = found
            self._outbox.offer({"type": "presence", "present": found})

    async def set_typing(self, on: bool) -> None:
        """Typing ends by itself unless it is repeated; nobody is told twice of the same."""
        changed = on != (self._typing_ends is not None)
        if self._typing_ends:
            self._typing_ends.cancel()
        loop = asyncio.get_running_loop()
        self._typing_ends = loop.call_later(presence.TYPING_SECONDS, self._stop_typing) if on else None
        if changed:
            await self._touch()
            await self._announce()

    async def leave(self) -> None:
        if self._typing_ends:
            self._typing_ends.cancel()
        try:
            await presence.leave(self._conversation_id, self._socket_id)
        except AWAY:
            return  # it expires
        await self._announce()

    def _stop_typing(self) -> None:
        self._ending = asyncio.ensure_future(self.set_typing(False))

    async def _touch(self) -> None:
        typing = self._typing_ends is not None
        try:
            await presence.touch(self._conversation_id, self._socket_id, self._person, typing=typing)
        except AWAY:
            self._outage.begin()

    async def _read(self) -> list[Present]:
        try:
            return await presence.present(self._conversation_id)
        except AWAY:
            self._outage.begin()
            return self.shown

    async def _announce(self) -> None:
        await group_send(group_of(self._conversation_id), CHANGED)
