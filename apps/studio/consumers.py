"""The WebSocket of a studio's page: the pictures that are being made in its project, whoever asked for them.

The socket owns nothing: everything it tells can be read again from the database or from the event log of a job.
"""

from __future__ import annotations

from typing import Any

from django.db import DatabaseError

from apps.generations.broadcast import group_of
from apps.generations.socket.frames import BadFrame, Cancel, Follow, Ping, Unfollow
from apps.generations.socket.watched import Visitor, WatchedSocket
from apps.lib.database import in_thread
from apps.studio.cards import cards, unfinished_jobs
from apps.studio.socket import admission
from apps.studio.socket.frames import parse

JSON = dict[str, Any]
MOST_FOLLOWED = 12
"""Each that waits is looked up once a second; a page follows the oldest ones, and the next as those end."""


class StudioConsumer(WatchedSocket):
    """A page of one studio, and the person who looks at it."""

    most_followed = MOST_FOLLOWED

    def __init__(self) -> None:
        super().__init__()
        self.known: set[str] = set()

    @property
    def project_id(self) -> str:
        found: str = self.scope["url_route"]["kwargs"]["pid"]
        return found

    def admit(self) -> Visitor | int:
        return admission.admit(self.session_key, self.project_id)

    def group(self) -> str:
        return group_of(self.project_id)

    async def greet(self, visitor: Visitor) -> None:
        jobs = await self._read_jobs() or []
        self.known = {each["id"] for each in jobs}
        user, role = {"id": visitor.user.pk, "name": str(visitor.user)}, visitor.role.name.lower()
        self.outbox.offer({"type": "hello", "user": user, "role": role, "jobs": jobs, "follow": self.most_followed})

    async def renew(self) -> None:
        """Tell of jobs that came another way than through a studio, or while Redis was away."""
        fresh = [each for each in await self._read_jobs() or [] if each["id"] not in self.known]
        if fresh:
            self._tell_jobs(fresh)

    async def client_frames(self, message: JSON) -> None:
        for frame in message["frames"]:
            if frame["type"] == "jobs":
                self._tell_jobs(frame["jobs"])
            else:
                self.outbox.offer(frame)

    async def handle(self, text: str | None) -> None:
        frame = parse(text)
        if self.visitor is None:
            return
        match frame:
            case Ping():
                self.outbox.offer({"type": "pong"})
            case Follow(job):
                if await in_thread(admission.job_there, self.project_id, job) is None:
                    raise BadFrame("not_found", "There is no such picture in the making in this project.")
                self.followers.start(frame)
            case Unfollow(job):
                self.followers.stop(job)
            case Cancel(job):
                await in_thread(admission.cancel, self.session_key, self.project_id, job)

    def _tell_jobs(self, jobs: list[JSON]) -> None:
        self.known |= {each["id"] for each in jobs}
        self.outbox.offer({"type": "jobs", "jobs": jobs})

    async def _read_jobs(self) -> list[JSON] | None:
        """None where the database can't be asked."""
        try:
            return await in_thread(_cards_of, self.project_id)
        except DatabaseError:
            return None


def _cards_of(project_id: str) -> list[JSON]:
    return cards(unfinished_jobs(project_id))
