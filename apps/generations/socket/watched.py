"""A socket that somebody may be at: asked at connect, every few seconds, and when told that access changed."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from apps.accounts.models import User
from apps.accounts.notices import user_group_of
from apps.generations.socket import codes
from apps.generations.socket.base import FrameSocket
from apps.generations.socket.followers import MAX_FOLLOWED, Followers
from apps.generations.socket.nudges import Nudges
from apps.generations.socket.outage import Outage
from apps.lib.database import in_thread
from apps.projects.models import Role

JSON = dict[str, Any]
RECHECK_SECONDS = 10.0
AGAIN_SECONDS = 1.0
MAX_FAILED_CHECKS = 2
"""Checks that could not be made because the database was away; then nobody stays on old knowledge."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """A person at a page, with the role of now."""

    user: User
    role: Role


class WatchedSocket(FrameSocket):
    """Follows jobs and hears the group of its page, for as long as its visitor may be there."""

    recheck_seconds = RECHECK_SECONDS
    most_followed = MAX_FOLLOWED

    def __init__(self) -> None:
        self.visitor: Visitor | None = None
        self.failed_checks = 0
        self.admitted, self.look_again = asyncio.Event(), asyncio.Event()

    # --- what each page has of its own ------------------------------------------------------------------------------

    def admit(self) -> Visitor | int:
        """Who is there, or the close code that says why they may not be. Called in a thread; the database may be
        away."""
        raise NotImplementedError

    def group(self) -> str:
        """What every socket of this page listens to."""
        raise NotImplementedError

    async def arrive(self, visitor: Visitor) -> None:
        """Let in; the greeting follows."""

    async def greet(self, visitor: Visitor) -> None:
        """Tell the page who they are and what is there: at the beginning, and when their role changed."""
        raise NotImplementedError

    async def renew(self) -> None:
        """Every few seconds, after the check."""

    async def depart(self) -> None:
        """Was let in, and goes."""

    # --- what all have in common ------------------------------------------------------------------------------------

    async def enter(self) -> None:
        self.session_key: str = self.scope.get("cookies", {}).get(settings.SESSION_COOKIE_NAME, "")
        visitor = await self._admit() or codes.TRY_LATER
        if isinstance(visitor, int):
            self.outbox.close(visitor)
            return
        self.visitor = visitor
        self.outage = Outage(self.outbox)
        self.followers = Followers(self.outbox, self.outage, self.most_followed)
        self.nudges = Nudges((self.group(), user_group_of(visitor.user.pk)), self.outage)
        await self.nudges.open()
        await self.nudges.join()
        await self.arrive(visitor)
        await self.greet(visitor)
        self.admitted.set()
        self.start(self._watch())

    async def leave(self) -> None:
        if self.admitted.is_set():
            await self.followers.stop_all()
            await self.nudges.leave()
            await self.depart()

    async def end_with(self, code: int) -> None:
        """Stop every stream before the close, so that nothing follows it."""
        if self.admitted.is_set():
            await self.followers.stop_all()
        await super().end_with(code)

    async def next_nudge(self) -> JSON:
        await self.admitted.wait()
        return await self.nudges.receive()

    async def client_frames(self, message: JSON) -> None:
        for frame in message["frames"]:
            self.outbox.offer(frame)

    async def access_changed(self, _: JSON) -> None:
        """Look now, and once more soon: a sign-out is told just before its session is gone."""
        await self._recheck()
        asyncio.get_running_loop().call_later(AGAIN_SECONDS, self.look_again.set)

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.recheck_seconds):
                    await self.look_again.wait()
            self.look_again.clear()
            await self._recheck()
            await self.nudges.join()
            await self.renew()

    async def _recheck(self) -> None:
        before, found = self.visitor, await self._admit()
        self.failed_checks = 0 if found else self.failed_checks + 1
        if isinstance(found, int):
            await self.end_with(found)
        elif self.failed_checks >= MAX_FAILED_CHECKS:
            await self.end_with(codes.TRY_LATER)
        elif found:
            self.visitor = found
            if before and before.role != found.role:
                await self.greet(found)

    async def _admit(self) -> Visitor | int | None:
        """None where the database can't be asked."""
        try:
            return await in_thread(self.admit)
        except DatabaseError:
            return None
