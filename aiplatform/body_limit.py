"""Requests that are larger than anything here may be end before they are read: Django would write all of one to the
disk first, and only then ask a view about it."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from apps.api.refusing import error_of
from apps.generations.errors import Refused

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[dict[str, Any], Receive, Send], Awaitable[None]]

WORDS = "That is too large to send at once."


class BodyLimit:
    """Answers 413 where the length that was announced is more than `limit` bytes; where none was, or a wrong one, the
    request ends as if its sender had gone after so many."""

    def __init__(self, app: App, limit: int) -> None:
        self._app, self._limit = app, limit

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if _announced(scope) > self._limit:
            await _refuse(scope, send)
            return
        await self._app(scope, self._counting(receive), send)

    def _counting(self, receive: Receive) -> Receive:
        taken = 0

        async def counted() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            return message if taken <= self._limit else {"type": "http.disconnect"}

        return counted


def _announced(scope: dict[str, Any]) -> int:
    length = dict(scope["headers"]).get(b"content-length", b"0")
    return int(length) if length.isdigit() else 0


async def _refuse(scope: dict[str, Any], send: Send) -> None:
    content_type, words = b"text/plain; charset=utf-8", WORDS.encode()
    if scope["path"].startswith("/v1/"):
        refusal = Refused(status=413, code="too_large", message=WORDS)
        content_type, words = b"application/json", json.dumps(error_of(refusal)).encode()
    headers = [(b"content-type", content_type), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 413, "headers": headers})
    await send({"type": "http.response.body", "body": words})
