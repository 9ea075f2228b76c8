"""Follow a job: replay its events from a position, then hear them as they come, until its end.

The row in PostgreSQL says what the job is, the event log what was said; a nudge only saves reading them. So nothing
is guessed: what didn't come in order is read again, and looked for once a second if nothing comes at all.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from time import time
from typing import Any

from apps.generations import events
from apps.generations.log import Entry
from apps.generations.models import ASKED, GenerationJob, State, long_of
from apps.generations.nudges import Inbox, hub
from apps.generations.queue import place_of
from apps.generations.replay import read_after
from apps.lib.compiled import CompiledQuery, Parameter
from apps.lib.database import in_thread
from apps.lib.redis import AWAY, async_client

JSON = dict[str, Any]
POLL_SECONDS = 1.0
logger = logging.getLogger(__name__)


async def follow(job_id: str, *, attempt: int = 0, seq: int = 0) -> AsyncGenerator[JSON, None]:
    """The `job` messages of the socket protocol after (`attempt`, `seq`), ending with the one finish event.

    A job that doesn't exist gives none. Raises django.db.DatabaseError where the database is away; Redis may be.
    """
    follower = Follower(job_id, attempt, seq)
    async with hub().listen(job_id) as inbox:
        while not follower.done:
            for message in await follower.look():
                yield message
            async for message in follower.hear(inbox):
                yield message


class Follower:
    """One reader's position in one job."""

    def __init__(self, job_id: str, attempt: int, seq: int) -> None:
        self.done = False
        self._id = job_id
        self._attempt = attempt
        self._seq = seq
        self._waiting: JSON | None = None
        self._behind = False
        self._hides_reasoning = True

    async def look(self) -> list[JSON]:
        """Compare with the truth: the row, and the log of the attempt that it names."""
        job, waiting = await in_thread(_read, self._id)
        if job is None:
            self.done = True
            return []
        self._hides_reasoning = not job.model_version.hosted_model.shows_reasoning
        if waiting is not None:
            return self._queued(waiting)
        if job.is_terminal:
            return [self._end(job)]
        return [*self._turn_to(job.attempt), *await self._replay()]

    async def hear(self, inbox: Inbox) -> AsyncIterator[JSON]:
        """Events from nudges, for as long as they come in order and there is nothing to look up."""
        while not self.done and not self._behind:
            nudge = await inbox.get(POLL_SECONDS)
            if nudge is None or "events" not in nudge:
                return
            if nudge["attempt"] >= self._attempt:
                # Attempts only grow, and only who holds one can write its log: no need to look it up.
                for message in (*self._turn_to(nudge["attempt"]), *self._take(nudge)):
                    yield message
        self._behind = False

    def _take(self, nudge: JSON) -> Iterator[JSON]:
        for seq, event in enumerate(nudge["events"], nudge["first"]):
            if seq > self._seq + 1:
                self._behind = True
                return
            if seq == self._seq + 1:
                yield self._message(Entry(seq, event))

    def _queued(self, waiting: JSON) -> list[JSON]:
        if waiting == self._waiting:
            return []
        self._waiting = waiting
        return [{"type": "job", "job": self._id, "attempt": self._attempt, "event": waiting}]

    def _turn_to(self, attempt: int) -> list[JSON]:
        """A newer attempt starts from nothing, and so does its reader."""
        self._waiting = None
        if attempt == self._attempt:
            return []
        had_another = self._attempt > 0
        self._attempt, self._seq = attempt, 0
        return [self._message(Entry(0, dict(events.RESET)))] if had_another else []

    async def _replay(self) -> list[JSON]:
        """What the log has after our position; nothing where Redis is away."""
        try:
            replay = await read_after(async_client(), self._id, self._attempt, self._seq)
        except AWAY as error:
            logger.warning("the event log of job %s can't be read: %s", self._id, error)
            return []
        self._behind = replay.more
        return [self._message(entry) for entry in replay.entries]

    def _end(self, job: GenerationJob) -> JSON:
        """The end as the database has it, with all of the text: a reader may lack some."""
        seq = self._seq + 1 if job.attempt == self._attempt else 1
        self._attempt = job.attempt
        return self._message(Entry(seq, events.finish(job, with_text=True)))

    def _message(self, entry: Entry) -> JSON:
        self._seq = entry.seq
        self.done = entry.event["kind"] == "finish"
        event = events.without_reasoning(entry.event) if self._hides_reasoning else entry.event
        event = events.as_told_at(event, time())
        return {"type": "job", "job": self._id, "attempt": self._attempt, "seq": entry.seq, "event": event}


JOB = CompiledQuery(
    lambda: (
        GenerationJob.objects.select_related("model_version__hosted_model", "artifact")
        .defer(*ASKED, *long_of("model_version"))
        .filter(pk=Parameter("job"))
        .order_by()
    )
)


def _read(job_id: str) -> tuple[GenerationJob | None, JSON | None]:
    """The row without what is large in it, and what to tell of its place in the queue while it waits."""
    job = JOB.first(job=job_id)
    if job is None or job.state != State.QUEUED:
        return job, None
    return job, events.queued(place_of(job))
