"""A page that nothing happens on for long, behind a proxy that cuts silent connections: it still hears of the next
answer, and at once."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from time import monotonic

import pytest

from apps.conversations.models import Conversation
from tests.faults.processes import WorkerProcess
from tests.faults.web import Page, Person, WebProcess, follow, in_thread, told
from tests.generations.reader import Reader
from tests.world import World

IDLE_SECONDS = float(os.environ.get("IDLE_SECONDS", "11"))
pytestmark = [pytest.mark.faults, pytest.mark.timeout(120 + IDLE_SECONDS)]
SILENCE_SECONDS = 8
"""More than from one ping to the next, and less than the page is idle."""
FIRST_TOKEN_WITHIN = 2


class Proxy:
    """Hands bytes on, and cuts a connection over which none came for `SILENCE_SECONDS`, in either direction."""

    def __init__(self, site: WebProcess) -> None:
        self._site = site
        self.cut = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        """The address of the site through it."""
        async with await asyncio.start_server(self._serve, "127.0.0.1", 0) as server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._site.port)
        self._heard = monotonic()
        ways = [asyncio.create_task(self._pass_on(*way)) for way in ((reader, back), (there, writer))]
        while not any(way.done() for way in ways):
            await asyncio.sleep(0.1)
            if monotonic() - self._heard > SILENCE_SECONDS:
                self.cut += 1
                break
        for way in ways:
            way.cancel()
        for end in (writer, back):
            end.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(65536):
                self._heard = monotonic()
                writer.write(data)
                await writer.drain()


async def test_an_idle_page_hears_the_next_answer_at_once(
    start: Callable[..., WorkerProcess], web: Callable[[], WebProcess], talk: Conversation, world: World
) -> None:
    site, worker = web(), await in_thread(start)()
    await in_thread(lambda: (site.ready(), worker.ready()))()
    person, other = await in_thread(lambda: (Person(world.viewer), Person(world.editor)))()
    page, proxy = Page(other, talk, site.url), Proxy(site)
    await page.ask("Is the model there?", 5)
    await page.gaps()
    async with proxy.listening() as address, person.socket(address, talk.pk, ping_interval=None) as socket:
        await told(socket, "hello")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(IDLE_SECONDS):
                await told(socket, "message")
        began = monotonic()
        asked = await page.ask("Tell me about the sea.", 50)
        message = (await told(socket, "message"))["message"]
        while message["job"] is None:
            message = (await told(socket, "message"))["message"]
        reader = Reader(message["job"]["id"])
        assert reader.job == asked.job
        await follow(socket, reader)
        while not reader.text:
            reader.take(await told(socket, "job"))
        assert monotonic() - began < FIRST_TOKEN_WITHIN
        assert proxy.cut == 0
    await page.gaps()
