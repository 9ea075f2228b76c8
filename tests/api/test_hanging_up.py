"""A program is gone before it has its answer: whenever that is, nothing goes on for it."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.db import connection, transaction

from aiplatform.handler import OneThreadHandler
from apps.catalog.models import HostedModel
from apps.generations.models import GenerationJob, State
from apps.lib.database import SOCKET_THREADS, in_thread
from tests.api.conftest import HELLO, LONG, Program
from tests.api.test_asking import CAT, janus, shown

__all__ = ["janus"]
pytestmark = pytest.mark.django_db(transaction=True)
CHAT = ("/v1/chat/completions", {"model": "tiny", "messages": HELLO})
STREAM = (CHAT[0], CHAT[1] | {"stream": True})
RESPONSE = ("/v1/responses", {"model": "tiny", "input": "Say something"})
ITS_EVENTS = (RESPONSE[0], RESPONSE[1] | {"stream": True})
PICTURES = ("/v1/images/generations", {"model": "painter", "prompt": "a red apple", "n": 3})


class Connection(ApplicationCommunicator):
    """One request over ASGI, as the web server passes it on."""

    def __init__(self, program: Program, address: str, body: dict[str, Any]) -> None:
        headers = [
            (b"host", b"localhost"),
            (b"authorization", f"Bearer {program.raw}".encode()),
            (b"content-type", b"application/json"),
        ]
        scope = {"type": "http", "method": "POST", "path": address, "query_string": b"", "headers": headers}
        super().__init__(OneThreadHandler(), scope)
        self._body = json.dumps(body).encode()

    async def ask(self) -> None:
        await self.send_input({"type": "http.request", "body": self._body})

    async def hang_up(self) -> None:
        await self.send_input({"type": "http.disconnect"})
        await asyncio.sleep(0.2)  # until it is noticed


@asynccontextmanager
async def nobody_may_write() -> AsyncIterator[None]:
    """Whoever submits something waits meanwhile."""
    locked, over = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    @transaction.atomic
    def hold() -> None:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE generations_generationjob IN EXCLUSIVE MODE")
        loop.call_soon_threadsafe(locked.set)
        asyncio.run_coroutine_threadsafe(over.wait(), loop).result()

    holding = asyncio.ensure_future(in_thread(hold))
    await locked.wait()
    try:
        yield
    finally:
        over.set()
        await holding


async def states() -> list[str]:
    return [job.state async for job in GenerationJob.objects.all()]


async def all_end(number: int) -> None:
    async with asyncio.timeout(LONG):
        while await states() != [State.CANCELLED] * number:  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def waits_for_the_table() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(cursor.fetchone()[0])


@pytest.mark.parametrize(
    ("asked", "number"), [(CHAT, 1), (STREAM, 1), (PICTURES, 3)], ids=["whole", "stream", "pictures"]
)
async def test_while_it_is_taken_on(
    program: Program, model: HostedModel, painter: HostedModel, asked: tuple[str, Any], number: int
) -> None:
    async with nobody_may_write():
        line = Connection(program, *asked)
        await line.ask()
        async with asyncio.timeout(LONG):
            while not await in_thread(waits_for_the_table):  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        await line.hang_up()
    await all_end(number)


async def test_many_that_are_slow_to_take_on_keep_nobody_else_waiting(program: Program, janus: HostedModel) -> None:
    """Pictures in messages take seconds. Sockets follow jobs in the same threads as other programs ask."""
    asked = (CHAT[0], {"model": "janus", "messages": [shown(CAT)]})
    lines = [Connection(program, *asked) for _ in range(SOCKET_THREADS + 1)]
    async with nobody_may_write():
        for line in lines:
            await line.ask()
        await asyncio.sleep(2)
        async with asyncio.timeout(10):
            assert (await program.get("/v1/models")).status_code == 200
        for line in lines:
            await line.hang_up()
    await all_end(len(lines))


@pytest.mark.parametrize(
    ("asked", "number"),
    [(CHAT, 1), (STREAM, 1), (RESPONSE, 1), (ITS_EVENTS, 1), (PICTURES, 3)],
    ids=["whole", "stream", "response", "events", "pictures"],
)
async def test_while_it_waits(
    program: Program, model: HostedModel, painter: HostedModel, asked: tuple[str, Any], number: int
) -> None:
    line = Connection(program, *asked)
    await line.ask()
    async with asyncio.timeout(LONG):
        while len(await states()) < number:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    await line.hang_up()
    await all_end(number)


async def test_before_the_first_of_a_stream_is_sent(program: Program, model: HostedModel) -> None:
    response = await program.chat(stream=True)
    assert await states() == [State.QUEUED]
    del response
    gc.collect()
    await all_end(1)
