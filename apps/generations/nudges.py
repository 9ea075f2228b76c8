"""The nudges of one event loop: one connection to Redis, shared by everybody who follows a job there."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any
from weakref import WeakKeyDictionary

from redis.asyncio.client import PubSub

from apps.generations.log import channel_of
from apps.lib.redis import AWAY, async_client

JSON = dict[str, Any]
LIMIT = 64
"""Nudges that wait for one follower. More are dropped: it then reads the log."""
SUBSCRIBE_SECONDS = 1.0
AWAY_SECONDS = 0.5
LISTEN_SECONDS = 30.0
LINGER_SECONDS = 60.0
"""The next prompt of somebody who is alone here often comes before that."""

logger = logging.getLogger(__name__)


class Inbox:
    """What came for one follower."""

    def __init__(self) -> None:
        self._nudges: asyncio.Queue[JSON] = asyncio.Queue(LIMIT)

    def put(self, nudge: JSON) -> None:
        with suppress(asyncio.QueueFull):
            self._nudges.put_nowait(nudge)

    async def get(self, seconds: float) -> JSON | None:
        """The next nudge, or None where none came in time."""
        with suppress(asyncio.QueueEmpty):
            return self._nudges.get_nowait()
        try:
            async with asyncio.timeout(seconds):
                return await self._nudges.get()
        except TimeoutError:
            return None


class Hub:
    """Connected while somebody listens, and a while longer. With Redis away nothing comes, which is the worst that a
    nudge can do."""

    def __init__(self) -> None:
        self._inboxes: dict[str, set[Inbox]] = {}
        self._subscribed: dict[str, asyncio.Event] = {}
        self._pubsub: PubSub | None = None
        self._reader: asyncio.Task[None] | None = None
        self._leaving: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def listen(self, job: str) -> AsyncIterator[Inbox]:
        """Nudges for `job`. Inside, all that is sent from now on comes, unless Redis is away."""
        channel, inbox = channel_of(job), Inbox()
        self._inboxes.setdefault(channel, set()).add(inbox)
        try:
            await self._subscribe(channel)
            yield inbox
        finally:
            self._inboxes[channel].discard(inbox)
            if not self._inboxes[channel]:
                await self._unsubscribe(channel)

    async def _subscribe(self, channel: str) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
        ready = self._subscribed.get(channel)
        if ready is None:
            ready = self._subscribed[channel] = asyncio.Event()
            if self._reader is None or self._reader.done():
                self._reader = asyncio.create_task(self._read())
            elif self._pubsub is not None:
                with suppress(*AWAY):
                    await self._pubsub.subscribe(channel)
        with suppress(TimeoutError):
            async with asyncio.timeout(SUBSCRIBE_SECONDS):
                await ready.wait()

    async def _unsubscribe(self, channel: str) -> None:
        del self._inboxes[channel]
        self._subscribed.pop(channel, None)
        if not self._inboxes:
            self._leaving = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._leave)
        if self._pubsub is not None:
            with suppress(*AWAY):
                await self._pubsub.unsubscribe(channel)

    def _leave(self) -> None:
        if self._reader is not None:
            self._reader.cancel()
        self._reader = self._pubsub = None

    async def _read(self) -> None:
        while self._inboxes:
            pubsub = async_client().pubsub()
            try:
                await pubsub.subscribe(*self._inboxes)
                self._pubsub = pubsub
                await self._deliver(pubsub)
            except AWAY as error:
                logger.warning("no nudges: %s", error)
                await asyncio.sleep(AWAY_SECONDS)
            finally:
                if self._pubsub is pubsub:
                    self._pubsub = None
                with suppress(*AWAY):
                    await pubsub.aclose()  # type: ignore[no-untyped-call]

    async def _deliver(self, pubsub: PubSub) -> None:
        # A channel that was asked for while the first subscription was under way.
        if late := [channel for channel in self._inboxes if channel.encode() not in _channels(pubsub)]:
            await pubsub.subscribe(*late)
        while True:
            message = await pubsub.get_message(timeout=LISTEN_SECONDS)
            if message is None:
                continue
            if message["type"] == "subscribe" and message["channel"] in self._subscribed:
                self._subscribed[message["channel"]].set()
            elif message["type"] == "message":
                nudge = json.loads(message["data"])
                for inbox in self._inboxes.get(message["channel"], ()):
                    inbox.put(nudge)


def _channels(pubsub: PubSub) -> set[bytes]:
    return {name.encode() if isinstance(name, str) else bytes(name) for name in pubsub.channels}


_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Hub] = WeakKeyDictionary()


def hub() -> Hub:
    """The one of the running event loop."""
    return _by_loop.setdefault(asyncio.get_running_loop(), Hub())
