"""The WebSocket of a conversation page: who is here, what was written, and the tokens as they come.

The socket owns nothing: everything it tells can be read again from the database or from the event log of a job.
"""

from __future__ import annotations

from typing import Any

from apps.conversations.broadcast import group_of
from apps.conversations.serializers import person_json
from apps.conversations.socket import admission
from apps.conversations.socket.frames import Typing, parse
from apps.conversations.socket.here import Here
from apps.generations.socket.frames import BadFrame, Cancel, Follow, Ping, Unfollow
from apps.generations.socket.watched import Visitor, WatchedSocket
from apps.lib.database import in_thread
from apps.projects.models import Role

JSON = dict[str, Any]


class ConversationConsumer(WatchedSocket):
    """A page of one conversation, and the person who looks at it."""

    @property
    def conversation_id(self) -> str:
        found: str = self.scope["url_route"]["kwargs"]["cid"]
        return found

    def admit(self) -> Visitor | int:
        return admission.admit(self.session_key, self.conversation_id)

    def group(self) -> str:
        return group_of(self.conversation_id)

    async def arrive(self, visitor: Visitor) -> None:
        self.here = Here(self.conversation_id, person_json(visitor.user), self.outbox, self.outage)
        await self.here.arrive()

    async def greet(self, visitor: Visitor) -> None:
        user, role = person_json(visitor.user), visitor.role.name.lower()
        self.outbox.offer({"type": "hello", "user": user, "role": role, "present": self.here.shown})

    async def renew(self) -> None:
        await self.here.renew()

    async def depart(self) -> None:
        await self.here.leave()

    async def presence_changed(self, _: JSON) -> None:
        await self.here.show()

    async def handle(self, text: str | None) -> None:
        frame = parse(text)
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
