"""A job as a page follows it over HTTP: its events as they come, for whoever is signed in."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any

from django.http import HttpRequest, StreamingHttpResponse

from apps.accounts.models import User
from apps.accounts.sessions import signed_in
from apps.generations.sse import SILENCE, EventStream, with_pauses
from apps.generations.stream import follow
from apps.lib.database import in_thread

Message = dict[str, Any]
JobOf = Callable[[User], str | None]
"""The job that somebody may follow; asked again and again."""
RECHECK_SECONDS = 2.0


async def followed(
    request: HttpRequest, job_of: JobOf, told: Callable[[Message], Message] = lambda event: event
) -> StreamingHttpResponse | None:
    """None for somebody who may follow nothing. A browser that comes back says where it was (Last-Event-ID) and hears
    the rest. told: what its readers get to know of an event."""
    session_key = request.session.session_key or ""
    job_id = await in_thread(_job_of, session_key, job_of)
    if job_id is None:
        return None
    attempt, seq = _position(request.headers.get("Last-Event-ID", ""))
    sent = _sent(session_key, job_of, told, follow(job_id, attempt=attempt, seq=seq))
    return EventStream(sent)


async def _sent(
    session_key: str, job_of: JobOf, told: Callable[[Message], Message], following: AsyncGenerator[Message, None]
) -> AsyncGenerator[bytes, None]:
    """Ends early for somebody who signed out, was suspended or left the project meanwhile; also while nothing comes."""
    checked = time.monotonic()
    async with aclosing(with_pauses(following, RECHECK_SECONDS)) as messages:
        async for message in messages:
            if time.monotonic() - checked >= RECHECK_SECONDS:
                if await in_thread(_job_of, session_key, job_of) is None:
                    return
                checked = time.monotonic()
            yield _event(message, told) if message else SILENCE


def _event(message: Message, told: Callable[[Message], Message]) -> bytes:
    place = f"id: {message['attempt']}:{message.get('seq', 0)}\n"
    return f"{place}data: {json.dumps(told(message['event']), separators=(',', ':'))}\n\n".encode()


def _job_of(session_key: str, job_of: JobOf) -> str | None:
    user = signed_in(session_key)
    return job_of(user) if user else None


def _position(text: str) -> tuple[int, int]:
    """The attempt and the number of the last event that a browser has seen."""
    attempt, _, seq = text.partition(":")
    known = attempt.isdecimal() and seq.isdecimal() and len(text) < 20
    return (int(attempt), int(seq)) if known else (0, 0)
