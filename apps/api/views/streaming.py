"""An answer as server-sent events while it is written, in whichever form."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any, Protocol

from apps.api.access import ApiRequest
from apps.api.following import as_it_ended, events_of, wanted
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob
from apps.generations.sse import EventStream

Object = dict[str, Any]


class Telling(Protocol):
    """Puts one answer into the form that a program knows."""

    has_types: bool
    """Whether each event is sent under its `type`."""
    last: bytes
    """What is sent after an answer that came to its end."""

    def beginning(self) -> Iterator[Object]: ...
    def after(self, event: Object) -> Iterator[Object]: ...
    def end(self, job: GenerationJob) -> Iterator[Object]: ...
    def refused(self, refusal: Refused) -> Iterator[Object]: ...


async def streamed(job: GenerationJob, request: ApiRequest, telling: Telling) -> EventStream:
    sent = _sent(job, request, telling)
    # It has begun, so it stops the job wherever nobody reads on, even if nobody ever does.
    response = EventStream(_from(await anext(sent), sent))
    response["X-Atrium-Job"] = job.pk
    return response


async def _from(first: bytes, rest: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for each in rest:
            yield each


async def _sent(job: GenerationJob, request: ApiRequest, telling: Telling) -> AsyncGenerator[bytes, None]:
    """While the job waits, comments say where it stands: clients skip them, and they keep the line open."""
    try:
        async with wanted(job, request.user), aclosing(events_of(job, request)) as events:
            for told in telling.beginning():
                yield _event(told, telling)
            async for event in events:
                if event is None or event["kind"] in ("queued", "loading", "started"):
                    yield _comment(event)
                    continue
                for told in telling.after(event):
                    yield _event(told, telling)
        for told in telling.end(await as_it_ended(job)):
            yield _event(told, telling)
    except Refused as refusal:
        for told in telling.refused(refusal):
            yield _event(told, telling)
        return
    if telling.last:
        yield telling.last


def _event(told: Object, telling: Telling) -> bytes:
    name = f"event: {told['type']}\n" if telling.has_types else ""
    return f"{name}data: {json.dumps(told, separators=(',', ':'))}\n\n".encode()


def _comment(event: Object | None) -> bytes:
    told = event or {"kind": "waiting"}
    words = " ".join(f"{name}={value}" for name, value in told.items() if name != "kind")
    return f": {told['kind']} {words}".rstrip().encode() + b"\n\n"
