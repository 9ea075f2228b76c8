"""Waits for a job on behalf of a program. Whoever hangs up, or whose token is taken away, wants no answer any more:
then the job is stopped."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from typing import Any

from django.db import DatabaseError

from apps.accounts.models import User
from apps.api.access import ApiRequest, token_of
from apps.api.reading import reading
from apps.audit.record import AuditUnavailable
from apps.generations.actions import request_cancel
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob, Kind
from apps.generations.sse import with_pauses
from apps.generations.stream import follow
from apps.lib.database import in_slow_thread, in_thread

Object = dict[str, Any]
RECHECK_SECONDS = 2.0
RETRY_SECONDS = 1.0
STOP_TRIES = 60
RESTARTS = "This site is being restarted, and the answer was not there yet. Ask again."
ERASED = "This answer was erased before it could be sent."
logger = logging.getLogger(__name__)
_closing = threading.Event()


def close() -> None:
    """This process ends soon: programs are told, so that they ask another one."""
    _closing.set()


async def taken_on(
    user: User, submit: Callable[[], list[GenerationJob]], *, slowly: bool = False
) -> list[GenerationJob]:
    """The jobs that `submit` makes for `user`. Who hangs up meanwhile can't end it: they are stopped after it."""
    making = asyncio.ensure_future((in_slow_thread if slowly else in_thread)(submit))
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        await asyncio.shield(_undo(making, user))
        raise


async def ended(job: GenerationJob, request: ApiRequest) -> GenerationJob:
    """The job once it has ended. Raises Refused as `events_of`, or where it was erased meanwhile."""
    async with wanted(job, request.user), aclosing(events_of(job, request)) as events:
        async for _ in events:
            pass
    return await as_it_ended(job)


async def as_it_ended(job: GenerationJob) -> GenerationJob:
    """With all that an answer tells. Raises Refused where it was erased meanwhile."""
    while True:
        try:
            return await in_thread(ended_row, job.pk)
        except DatabaseError as error:
            logger.warning("job %s can't be read just now: %s", job.pk, error)
            await asyncio.sleep(RETRY_SECONDS)


async def events_of(job: GenerationJob, request: ApiRequest) -> AsyncGenerator[Object | None, None]:
    """Those of the socket protocol, to the finish; None where nothing came for a while. Raises Refused once the token
    of `request` lets nobody in any more, or the process ends."""
    checked = time.monotonic()
    async with aclosing(with_pauses(_patient(job.pk), RECHECK_SECONDS)) as messages:
        async for message in messages:
            if time.monotonic() - checked >= RECHECK_SECONDS:
                if _closing.is_set():
                    raise Refused(status=503, code="restarting", message=RESTARTS)
                await _recheck(request)
                checked = time.monotonic()
            yield message and message["event"]


@asynccontextmanager
async def wanted(job: GenerationJob, user: User) -> AsyncIterator[None]:
    """Stops the job where this is left before its end, however that comes about; `unread` does where not even that is
    possible."""
    try:
        with reading().waiting():
            yield
    except BaseException:
        await asyncio.shield(_stop(job, user))
        raise


def ended_row(job_id: str) -> GenerationJob:
    rows = GenerationJob.objects.select_related("model_version__hosted_model", "certainty", "artifact")
    found = rows.filter(pk=job_id).first()
    if found is None or not found.is_terminal or _is_erased(found):
        raise Refused(status=404, code="not_found", message=ERASED)
    return found


def _is_erased(job: GenerationJob) -> bool:
    """Nobody can ask a model without a message."""
    return job.kind == Kind.TEXT and not job.messages


async def _patient(job_id: str) -> AsyncGenerator[Object, None]:
    """Goes on from where it was when the database is there again."""
    attempt = seq = 0
    while True:
        try:
            async with aclosing(follow(job_id, attempt=attempt, seq=seq)) as messages:
                async for message in messages:
                    attempt, seq = message["attempt"], message.get("seq", 0)
                    yield message
            return
        except DatabaseError as error:
            logger.warning("job %s can't be followed just now: %s", job_id, error)
            await asyncio.sleep(RETRY_SECONDS)


async def _recheck(request: ApiRequest) -> None:
    try:
        await in_thread(token_of, request)
    except DatabaseError:
        return  # asked again soon


async def _undo(making: asyncio.Future[list[GenerationJob]], user: User) -> None:
    with suppress(Exception):  # of which nobody is there to hear
        for job in await making:
            await _stop(job, user)


async def _stop(job: GenerationJob, user: User) -> None:
    for _ in range(STOP_TRIES):
        try:
            await in_thread(request_cancel, actor=user, job=job)
            return
        except GenerationJob.DoesNotExist:
            return
        except (DatabaseError, AuditUnavailable) as error:
            logger.warning("job %s could not be stopped yet: %s", job.pk, error)
            await asyncio.sleep(RETRY_SECONDS)
