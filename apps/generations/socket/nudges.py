"""The groups that one socket listens to, kept through a Redis that goes away and comes back empty."""

from __future__ import annotations

import asyncio
from typing import Any

from channels.layers import get_channel_layer

from apps.generations.socket.outage import Outage
from apps.lib.redis import AWAY

RETRY_SECONDS = 1.0
WAIT_SECONDS = 2.0
"""For a Redis that takes connections and answers nothing."""


class Nudges:
    def __init__(self, groups: tuple[str, ...], outage: Outage) -> None:
        self._groups = groups
        self._outage = outage
        self._layer = get_channel_layer()
        self._channel = ""

    async def open(self) -> None:
        self._channel = await self._layer.new_channel()

    async def join(self) -> None:
        """Listen to the groups. Repeated now and then, since groups end after a day and with a flushed Redis."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                for group in self._groups:
                    await self._layer.group_add(group, self._channel)
            self._outage.over()
        except AWAY:
            self._outage.begin()

    async def receive(self) -> dict[str, Any]:
        """The next nudge, however long Redis is away."""
        while True:
            try:
                message: dict[str, Any] = await self._layer.receive(self._channel)
                return message
            except AWAY:
                self._outage.begin()
                await asyncio.sleep(RETRY_SECONDS)
                await self.join()

    async def leave(self) -> None:
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                for group in self._groups:
                    await self._layer.group_discard(group, self._channel)
        except AWAY:
            return  # the group forgets a channel that nobody reads
