"""Stops jobs of programs that nobody waits for any more: the web process that did was killed, and nothing that it was
asked for can be fetched later."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.conf import settings
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from apps.api.models import ApiCall, Reader
from apps.generations.actions import give_up
from apps.generations.models import State

CODE = "unread"
GONE = "The web process that waited for this on behalf of a program is gone, so nobody could have read it."
AT_ONCE = 200
logger = logging.getLogger(__name__)


class StopUnread:
    """A chore. What it finds must still be so a heartbeat later: after a failure of the database those who are there
    say so first."""

    def __init__(self) -> None:
        self._found: dict[str, float] = {}
        """By job, since when, of the last look."""

    def __call__(self) -> int:
        before, self._found, began = self._found, {}, time.monotonic()
        jobs = list(unread_calls().values_list("pk", flat=True)[:AT_ONCE])  # where this fails, nothing was found
        self._found = {job: before.get(job, time.monotonic()) for job in jobs}
        long = [job for job, since in self._found.items() if began - since >= settings.HEARTBEAT_SECONDS]
        stopped = [job for job in long if give_up(job, code=CODE, reason=GONE)]
        if stopped:
            logger.warning("%d jobs were for a web process that is gone, and are stopped", len(stopped))
        return len(stopped)


def unread_calls() -> QuerySet[ApiCall]:
    lease = timedelta(seconds=settings.LEASE_SECONDS)
    there = Reader.objects.filter(pk=OuterRef("reader"), seen_at__gt=Now() - lease)
    unfinished = Q(job__state=State.QUEUED) | Q(job__state=State.RUNNING)  # each of which has an index of its own
    calls = ApiCall.objects.filter(unfinished, ~Exists(there), job__cancel_requested_at=None, reader__gt="")
    return calls.order_by("created_at")
