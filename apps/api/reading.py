"""Says, while programs wait on this process, that it is there: one small row every HEARTBEAT_SECONDS for all of them.
Where a process says nothing for LEASE_SECONDS, its jobs are for nobody (`unread`)."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from weakref import WeakKeyDictionary

from django.conf import settings
from django.db.models.functions import Now

from apps.api.models import Reader
from apps.lib.database import borrowed_connection

TRIES = 5
"""In the time of one heartbeat, where the database is away: whoever comes back says so before anybody looks twice."""
FORGET_AFTER = timedelta(days=1)
logger = logging.getLogger(__name__)


class Reading:
    """Of one event loop. It is the loop itself that says so: one that hangs reads nothing."""

    def __init__(self) -> None:
        self._waiting = 0
        self._said_at = -float("inf")
        self._saying: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    async def begin(self) -> str:
        """The id of this process, of which it is known that it is there. Raises DatabaseError."""
        await self._say_if_due()
        return own_id()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Somebody waits for a job inside."""
        self._waiting += 1
        if self._saying is None or self._saying.done():
            self._saying = asyncio.create_task(self._go_on())
        try:
            yield
        finally:
            self._waiting -= 1

    async def _go_on(self) -> None:
        while self._waiting:
            await asyncio.sleep(settings.HEARTBEAT_SECONDS / TRIES)
            try:
                await self._say_if_due()
            except Exception as error:  # whatever it is, those who wait are still here
                logger.warning("nobody knows just now that programs wait here: %s", error)

    async def _say_if_due(self) -> None:
        """In a thread of its own: behind others that wait for a slow database it would come too late."""
        async with self._lock:  # one for all who come at the same time
            if time.monotonic() - self._said_at >= settings.HEARTBEAT_SECONDS:
                await asyncio.to_thread(_announce, own_id())
                self._said_at = time.monotonic()


def own_id() -> str:
    return _id_of(os.getpid())


@lru_cache(maxsize=1)
def _id_of(pid: int) -> str:
    return f"{socket.gethostname()[:40]}-{pid}-{secrets.token_hex(4)}"


def _announce(reader_id: str) -> None:
    with borrowed_connection():
        Reader.objects.update_or_create(pk=reader_id, defaults={"seen_at": Now()})
        Reader.objects.filter(seen_at__lt=Now() - FORGET_AFTER).delete()


_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, Reading] = WeakKeyDictionary()


def reading() -> Reading:
    """The one of the running event loop."""
    return _by_loop.setdefault(asyncio.get_running_loop(), Reading())
