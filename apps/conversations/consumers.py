"""The WebSocket of a conversation page: who is here, what was written, and the tokens as they come.

The socket owns nothing: everything it tells can be read again from the database or from the event log of a job.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from django.conf import settings
from django.db import DatabaseError

from apps.accounts.notices import user_group_of
from apps.conversations.broadcast import group_of
from apps.conversations.serializers import person_json
from apps.conversations.socket import admission, codes
from apps.conversations.socket.base import FrameSocket
from apps.conversations.socket.followers import Followers
from apps.conversations.socket.frames import BadFrame, Cancel, Follow, Frame, Ping, Typing, Unfollow
from apps.conversations.socket.here import Here
from apps.conversations.socket.nudges import Nudges
from apps.conversations.socket.outage import Outage
from apps.lib.database import in_thread
from apps.projects.models import Role

JSON = dict[str, Any]
RECHECK_SECONDS = 10.0
AGAIN_SECONDS = 1.0
MAX_FAILED_CHECKS = 2
"""Checks that could not be made because the database was away; then nobody stays on old knowledge."""


class ConversationConsumer(FrameSocket):
    """A page of one conversation, and the person who looks at it."""

    recheck_seconds = RECHECK_SECONDS

    def __init__(self) -> None:
        self.visitor: admission.Visitor | None = None
        self.failed_checks = 0
        self.admitted, self.look_again = asyncio.Event(), asyncio.Event()

    async def enter(self) -> None:
        self.conversation_id: str = self.scope["url_route"]["kwargs"]["cid"]
        self.session_key: str = self.scope.get("cookies", {}).get(settings.SESSION_COOKIE_NAME, "")
        visitor = await self._admit() or codes.TRY_LATER
        if isinstance(visitor, int):
            self.outbox.close(visitor)
            return
        self.visitor = visitor
        outage = Outage(self.outbox)
        self.followers = Followers(self.outbox, outage)
        self.nudges = Nudges((group_of(self.conversation_id), user_group_of(visitor.user.pk)), outage)
        self.here = Here(self.conversation_id, person_json(visitor.user), self.outbox, outage)
        await self.nudges.open()
        await self.nudges.join()
        await self.here.arrive()
        self._greet(visitor)
        self.admitted.set()
        self.start(self._watch())

    async def leave(self) -> None:
        if self.admitted.is_set():
            await self.followers.stop_all()
            await self.nudges.leave()
            await self.here.leave()

    async def end_with(self, code: int) -> None:
        """Stop every stream before the close, so that nothing follows it."""
        if self.admitted.is_set():
            await self.followers.stop_all()
        await super().end_with(code)

    def _greet(self, visitor: admission.Visitor) -> None:
        user, role = person_json(visitor.user), visitor.role.name.lower()
        self.outbox.offer({"type": "hello", "user": user, "role": role, "present": self.here.shown})

    # --- access ---------------------------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self.recheck_seconds):
                    await self.look_again.wait()
            self.look_again.clear()
            await self._recheck()
            await self.nudges.join()
            await self.here.renew()

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
                self._greet(found)

    async def _admit(self) -> admission.Visitor | int | None:
        """None where the database can't be asked."""
        try:
            return await in_thread(admission.admit, self.session_key, self.conversation_id)
        except DatabaseError:
            return None

    # --- from the channel layer -----------------------------------------------------------------------------------

    async def next_nudge(self) -> JSON:
        await self.admitted.wait()
        return await self.nudges.receive()

    async def client_frames(self, message: JSON) -> None:
        for frame in message["frames"]:
            self.outbox.offer(frame)

    async def presence_changed(self, _: JSON) -> None:
        await self.here.show()

    async def access_changed(self, _: JSON) -> None:
        """Look now, and once more soon: a sign-out is told just before its session is gone."""
        await self._recheck()
        asyncio.get_running_loop().call_later(AGAIN_SECONDS, self.look_again.set)

    # --- from the client ------------------------------------------------------------------------------------------

    async def handle(self, frame: Frame) -> None:
        if self.visitor is None:
            return
        match frame:
            case Ping():
                self.outbox.offer({"type": "pong"})
            case Follow(job):
                if not await in_thread(admission.holds_job, self.conversation_id, job):
                    raise BadFrame("not_found", "There is no such job in this conversation.")
                self.followers.start(frame)
            case Unfollow(job):
                self.followers.stop(job)
            case Typing(on):
                if self.visitor.role < Role.EDITOR:
                    raise BadFrame("forbidden", "Viewers read along; they cannot type here.")
                await self.here.set_typing(on)
            case Cancel(job):
                await in_thread(admission.cancel, self.session_key, self.conversation_id, job)
