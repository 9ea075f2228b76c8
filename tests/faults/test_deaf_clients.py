"""Clients that ask for long streams and never read: a real web process lets go of them in time, with little memory for
them, and whoever reads notices nothing."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from statistics import quantiles
from time import monotonic

import psutil
import pytest
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from apps.conversations.models import Conversation
from apps.generations.socket.followers import MAX_FOLLOWED
from tests.conversations.author import Author
from tests.faults.web import Person, WebProcess, follow, in_thread, told
from tests.generations.reader import Reader
from tests.world import World

CLIENTS = int(os.environ.get("DEAF_CLIENTS", "8"))
pytestmark = [pytest.mark.faults, pytest.mark.timeout(180 + 2 * CLIENTS)]
MIB = 1 << 20
MOST_GROWTH = (20 + 1.6 * CLIENTS) * MIB
GONE_WITHIN = 15
NOTICED = 0.2
"""Seconds: nobody sees whether a word came earlier than that."""
LONG_STREAMS, PIECES, PIECE = MAX_FOLLOWED, 1000, "x" * 600
"""Together more than the kernel takes for a client that reads none of it."""


class Deaf:
    """Reads the answer to its handshake, and nothing after that."""

    def __init__(self, person: Person, site: str, conversation: str) -> None:
        address = parse_uri(f"{site.replace('http', 'ws', 1)}/ws/conversations/{conversation}/")
        self._protocol = ClientProtocol(address, origin=site)  # type: ignore[arg-type]
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self._socket.connect((address.host, address.port))
        self.port = self._socket.getsockname()[1]
        request = self._protocol.connect()
        request.headers["Cookie"] = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
        self._protocol.send_request(request)
        self._flush()
        answer = b""
        while not answer.endswith(b"\r\n\r\n"):
            answer += self._socket.recv(1)
        self._protocol.receive_data(answer)

    def asks(self, *jobs: str) -> None:
        for job in jobs:
            self._protocol.send_text(json.dumps({"type": "follow", "job": job}).encode())
        self._flush()

    def _flush(self) -> None:
        self._socket.sendall(b"".join(self._protocol.data_to_send()))

    def close(self) -> None:
        self._socket.close()


class Lags:
    """How long after it was written each piece of a stream is read, seconds."""

    def __init__(self, author: Author) -> None:
        self._author, self._reader = author, Reader(author.id)
        self._written: list[float] = []
        self._lags: list[float] = []

    async def write(self, seconds: float) -> list[float]:
        """Write for so long; those of what was read meanwhile."""
        end, read = monotonic() + seconds, len(self._lags)
        while monotonic() < end:
            self._written.append(monotonic())
            await asyncio.to_thread(self._author.write, "x")
            await asyncio.sleep(0.02)
        return self._lags[read:]

    async def read(self, person: Person, site: str, conversation: str) -> None:
        async with person.socket(site, conversation) as its:
            await told(its, "hello")
            await follow(its, self._reader)
            while True:
                stood = len(self._reader.text)
                self._reader.take(await told(its, "job"))
                self._lags += [monotonic() - at for at in self._written[stood : len(self._reader.text)]]


def p95(lags: list[float]) -> float:
    return quantiles(lags, n=20)[-1]


def kept(site: WebProcess, clients: list[Deaf]) -> int:
    """Connections of these clients that the web process has."""
    ports = {client.port for client in clients}
    return sum(bool(each.raddr) and each.raddr.port in ports for each in psutil.Process(site.pid).net_connections())


async def test_who_never_reads_is_let_go_and_others_notice_nothing(
    web: Callable[[], WebProcess], talk: Conversation, world: World
) -> None:
    site = web()
    await in_thread(site.ready)()
    person, deaf = await in_thread(lambda: (Person(world.editor), Person(world.viewer)))()
    authors = await in_thread(lambda: [Author(talk) for _ in range(LONG_STREAMS)])()
    for author in authors:
        await asyncio.to_thread(author.write, *[PIECE] * PIECES)
    healthy = Lags(await in_thread(Author)(talk))
    reading = asyncio.create_task(healthy.read(person, site.url, talk.pk))
    await healthy.write(0.5)
    quiet = await healthy.write(2)
    before = psutil.Process(site.pid).memory_info().rss
    clients = [await asyncio.to_thread(Deaf, deaf, site.url, talk.pk) for _ in range(CLIENTS)]
    try:
        for client in clients:
            client.asks(*(author.id for author in authors))
        began, grown, lags = monotonic(), 0, list[float]()
        while kept(site, clients):
            assert monotonic() - began < GONE_WITHIN
            lags += await healthy.write(0.5)
            grown = max(grown, psutil.Process(site.pid).memory_info().rss - before)
    finally:
        for client in clients:
            client.close()
    reading.cancel()
    assert monotonic() - began > 5, "they were kept for a while"
    assert grown < MOST_GROWTH
    assert p95(lags) <= max(2 * p95(quiet), NOTICED)
