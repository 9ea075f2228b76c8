"""The jobs that one socket follows: a task each, held back to the pace of the client."""

from __future__ import annotations

import asyncio
import logging

from django.db import DatabaseError

from apps.generations.socket.frames import BadFrame, Follow
from apps.generations.socket.outage import Outage
from apps.generations.socket.outbox import Outbox
from apps.generations.stream import follow
from apps.lib.redis import AWAY

MAX_FOLLOWED = 8
RETRY_SECONDS = 1.0
logger = logging.getLogger(__name__)


class Followers:
    """A follower whose event log can't be read says so through `outage` and goes on from where it was."""

    def __init__(self, outbox: Outbox, outage: Outage, most: int = MAX_FOLLOWED) -> None:
        self._outbox = outbox
        self._outage = outage
        self._most = most
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def start(self, wanted: Follow) -> None:
        """Follow from the given position; a job that is followed already starts again from there."""
        self.stop(wanted.job)
        if len(self._tasks) >= self._most:
            raise BadFrame("too_many", f"One page follows {self._most} jobs at once. Unfollow one first.")
        task = asyncio.create_task(self._run(wanted))
        self._tasks[wanted.job] = task
        task.add_done_callback(lambda done: self._forget(wanted.job, done))

    def stop(self, job: str) -> None:
        if task := self._tasks.pop(job, None):
            task.cancel()

    async def stop_all(self) -> None:
        tasks = list(self._tasks.values())
        self._tasks.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, job: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(job) is task:
            del self._tasks[job]

    async def _run(self, wanted: Follow) -> None:
        attempt, seq = wanted.attempt, wanted.seq
        while True:
            try:
                async for event in follow(wanted.job, attempt=attempt, seq=seq):
                    await self._outbox.put(event)
                    attempt, seq = event.get("attempt", attempt), event.get("seq", seq)
                return
            except (*AWAY, DatabaseError) as error:
                logger.warning("following job %s was interrupted: %s", wanted.job, error)
                self._outage.begin()
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:
                logger.exception("following job %s failed", wanted.job)
                self._outbox.error("internal", "This job can't be followed live. Reload the page to see how it went.")
                return
