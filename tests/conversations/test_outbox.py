"""A client that does not read is let go, and what waits for it stays bounded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from apps.generations.socket import outbox as module
from apps.generations.socket.codes import TOO_SLOW
from apps.generations.socket.outbox import LIMIT, Outbox


class Client:
    """Takes what a server would send; `reading` cleared: its buffers are full."""

    def __init__(self) -> None:
        self.reading = asyncio.Event()
        self.reading.set()
        self.sent: list[Mapping[str, Any]] = []

    async def send(self, message: Mapping[str, Any]) -> None:
        await self.reading.wait()
        self.sent.append(message)

    @property
    def frames(self) -> list[Any]:
        return [json.loads(message["text"]) for message in self.sent if message["type"] == "websocket.send"]

    @property
    def code(self) -> int | None:
        return next((message["code"] for message in self.sent if message["type"] == "websocket.close"), None)


async def test_frames_arrive_in_order_and_the_close_after_them() -> None:
    client = Client()
    outbox = Outbox(client.send)
    for number in range(100):
        outbox.offer({"n": number})
    outbox.close(4401)
    outbox.offer({"n": "after the close"})
    await outbox.run()
    assert [frame["n"] for frame in client.frames] == list(range(100))
    assert client.code == 4401
    assert outbox.ended.is_set()


async def test_a_full_queue_closes_as_too_slow() -> None:
    client = Client()
    outbox = Outbox(client.send)
    for number in range(10 * LIMIT):
        outbox.offer({"n": number})
    await outbox.run()
    assert client.code == TOO_SLOW
    assert len(client.frames) <= LIMIT


async def test_a_client_that_stops_reading_is_let_go_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SLOW_SECONDS", 0.1)
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.1)
    client = Client()
    client.reading.clear()
    outbox = Outbox(client.send)
    outbox.offer({"n": 1})
    await outbox.run()
    assert outbox.ended.is_set()


async def test_followers_wait_for_room_instead_of_filling_it() -> None:
    client = Client()
    client.reading.clear()
    outbox = Outbox(client.send)

    async def stream() -> None:
        for number in range(3 * LIMIT):
            await outbox.put({"n": number})

    streaming = asyncio.create_task(stream())
    running = asyncio.create_task(outbox.run())
    await asyncio.sleep(0.05)
    assert not streaming.done()
    client.reading.set()
    await streaming
    async with asyncio.timeout(5):
        while len(client.frames) < 3 * LIMIT:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    outbox.close(1000)
    await running
    assert [frame["n"] for frame in client.frames] == list(range(3 * LIMIT))


@pytest.mark.parametrize("error", [OSError("gone"), RuntimeError("Unexpected ASGI message after close")])
async def test_a_client_that_went_away_ends_it_quietly(error: Exception) -> None:
    async def send(_: Mapping[str, Any]) -> None:
        raise error

    outbox = Outbox(send)
    outbox.offer({"n": 1})
    await outbox.run()
    assert outbox.ended.is_set()


async def test_a_long_replay_leaves_others_their_turn() -> None:
    client = Client()
    outbox = Outbox(client.send)
    for number in range(LIMIT - 1):
        outbox.offer({"n": number})
    outbox.close(1000)
    sending = asyncio.create_task(outbox.run())
    await asyncio.sleep(0)
    assert 0 < len(client.frames) < 5
    await sending
    assert len(client.frames) == LIMIT - 1
