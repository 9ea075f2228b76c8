"""Follow a run: its answer as it comes, as server-sent events."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from apps.accounts.sessions import signed_in
from apps.generations.json_views import error_response
from apps.generations.sse import SILENCE, event_stream, with_pauses
from apps.generations.stream import follow
from apps.lib.database import in_thread
from apps.prompts.runs import job_to_follow

Message = dict[str, Any]
RECHECK_SECONDS = 2.0


@require_GET
async def events(request: HttpRequest, run_id: str) -> HttpResponseBase:
    """A browser that comes back says where it was (Last-Event-ID) and hears the rest."""
    session_key = request.session.session_key or ""
    job_id = await in_thread(_job_of, session_key, run_id)
    if job_id is None:
        return error_response(404, "not_found", "There is no such run for you.")
    attempt, seq = _position(request.headers.get("Last-Event-ID", ""))
    return event_stream(_sent(session_key, run_id, job_id, attempt, seq))


async def _sent(session_key: str, run_id: str, job_id: str, attempt: int, seq: int) -> AsyncIterator[bytes]:
    """Ends early for somebody who signed out, was suspended or left the project meanwhile; also while nothing comes."""
    checked = time.monotonic()
    async with aclosing(with_pauses(follow(job_id, attempt=attempt, seq=seq), RECHECK_SECONDS)) as messages:
        async for message in messages:
            if time.monotonic() - checked >= RECHECK_SECONDS:
                if await in_thread(_job_of, session_key, run_id) != job_id:
                    return
                checked = time.monotonic()
            yield _event(message) if message else SILENCE


def _event(message: Message) -> bytes:
    place = f"id: {message['attempt']}:{message.get('seq', 0)}\n"
    return f"{place}data: {json.dumps(message['event'], separators=(',', ':'))}\n\n".encode()


def _job_of(session_key: str, run_id: str) -> str | None:
    user = signed_in(session_key)
    return job_to_follow(user, run_id) if user else None


def _position(text: str) -> tuple[int, int]:
    """The attempt and the number of the last event that a browser has seen."""
    attempt, _, seq = text.partition(":")
    known = attempt.isdecimal() and seq.isdecimal() and len(text) < 20
    return (int(attempt), int(seq)) if known else (0, 0)
