"""Requests that are too large end before they are read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from aiplatform.body_limit import BodyLimit

LIMIT = 1000
Message = Mapping[str, Any]


async def tell(length: bytes | None, *pieces: bytes) -> tuple[int, int]:
    """The status that came, and how many bytes the site behind got to read; 0 where it was gone from."""
    read, sent = 0, []
    waiting = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def site(scope: dict[str, Any], receive: Any, send: Any) -> None:
        nonlocal read
        while (message := await receive())["type"] == "http.request":
            read += len(message["body"])
            if not message["more_body"]:
                await send({"type": "http.response.start", "status": 200})
                return

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [] if length is None else [(b"content-length", length)]
    await BodyLimit(site, LIMIT)({"type": "http", "path": "/", "headers": headers}, receive, send)
    return (sent[0]["status"] if sent else 0), read


@pytest.mark.parametrize("length", [b"1000", None, b"nonsense"])
async def test_what_is_within_the_limit_passes(length: bytes | None) -> None:
    assert await tell(length, b"x" * 400, b"x" * 600) == (200, 1000)


async def test_what_says_that_it_is_larger_is_not_read() -> None:
    assert await tell(b"1001", b"x" * 400) == (413, 0)


@pytest.mark.parametrize("length", [None, b"10"])
async def test_what_hides_its_length_ends_there(length: bytes | None) -> None:
    assert await tell(length, b"x" * 600, b"x" * 600, b"x" * 600) == (0, 600)
