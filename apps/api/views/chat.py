"""POST /v1/chat/completions."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from django.http import HttpResponseBase

from apps.api.access import ApiRequest
from apps.api.asking import ask
from apps.api.chat_answer import Chunks, completion
from apps.api.chat_request import ChatRequest, read_chat_request
from apps.api.following import as_it_ended, ended, events_of, taken_on, wanted
from apps.api.refusing import error_of
from apps.api.views.door import answer, api_view, asked_of
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob
from apps.generations.sse import EventStream

DONE = b"data: [DONE]\n\n"


@api_view("POST")
async def completions(request: ApiRequest) -> HttpResponseBase:
    asked = await asked_of(request, read_chat_request)
    (job,) = await taken_on(request.user, lambda: [ask(request.token, asked)], slowly=asked.shows_pictures)
    if not asked.streams:
        return answer(completion(await ended(job, request), asked), job.pk)
    sent = _sent(job, request, asked)
    # It has begun, so it stops the job wherever nobody reads on, even if nobody ever does.
    response = EventStream(_from(await anext(sent), sent))
    response["X-Atrium-Job"] = job.pk
    return response


async def _from(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for each in rest:
            yield each


async def _sent(job: GenerationJob, request: ApiRequest, asked: ChatRequest) -> AsyncGenerator[bytes, None]:
    """While the job waits, comments say where it stands: clients skip them, and they keep the line open."""
    chunks = Chunks(job, asked)
    try:
        async with wanted(job, request.user), aclosing(events_of(job, request)) as events:
            yield _event(chunks.beginning())
            async for event in events:
                if event is None or event["kind"] in ("queued", "loading", "started"):
                    yield _comment(event)
                    continue
                for chunk in chunks.after(event):
                    yield _event(chunk)
        for chunk in chunks.end(await as_it_ended(job)):
            yield _event(chunk)
    except Refused as refusal:
        yield _event(error_of(refusal))
        return
    yield DONE


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(data, separators=(',', ':'))}\n\n".encode()


def _comment(event: dict[str, Any] | None) -> bytes:
    told = event or {"kind": "waiting"}
    words = " ".join(f"{name}={value}" for name, value in told.items() if name != "kind")
    return f": {told['kind']} {words}".rstrip().encode() + b"\n\n"
