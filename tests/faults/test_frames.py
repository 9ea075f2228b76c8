"""What a real web process does with frames that are too large, too many or packed: that socket closes, and nobody else
notices."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from contextlib import suppress

import psutil
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode, Frame, Opcode

from aiplatform.management.commands.web import MAX_FRAME_BYTES as MOST_READ
from apps.conversations.models import Conversation
from apps.generations.socket.codes import TOO_FAST, TOO_LARGE
from apps.generations.socket.frames import MAX_FRAME_BYTES
from tests.faults.web import Person, WebProcess, in_thread, told
from tests.world import World

pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]
MIB = 1 << 20
MOST_GROWTH = 20 * MIB
PACKED = 0b0100_0000
"""The bit that says so."""
NOT_UNDERSTOOD = CloseCode.PROTOCOL_ERROR


async def close_code(socket: ClientConnection, *sent: str | list[str]) -> int | None:
    """Of the close that is the next to come; None where the line was cut while the rest was still being sent."""
    try:
        for each in sent:
            await socket.send(each)
        frame = await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None
    raise AssertionError(f"it was not closed: {frame!r}")


def bomb() -> bytes:
    """A frame that would unpack to a thousand times its size, where that hadn't been refused."""
    packer = zlib.compressobj(wbits=-15)
    frame = bytearray(Frame(Opcode.TEXT, packer.compress(bytes(50 * MIB)) + packer.flush()).serialize(mask=True))
    frame[0] |= PACKED
    return bytes(frame)


async def flooded(socket: ClientConnection) -> int | None:
    """The code of the close after a thousand frames, all at once."""
    with suppress(ConnectionClosed):
        for _ in range(1000):
            await socket.send('{"type":"ping"}')
        async for _ in socket:
            pass
    await socket.wait_closed()
    return socket.close_code


async def test_what_nobody_may_send_closes_its_own_socket(
    web: Callable[[], WebProcess], talk: Conversation, world: World
) -> None:
    site = web()
    await in_thread(site.ready)()
    person, other = await in_thread(lambda: (Person(world.editor), Person(world.viewer)))()
    async with other.socket(site.url, talk.pk) as bystander:
        await told(bystander, "hello")
        before = psutil.Process(site.pid).memory_info().rss
        whole, pieces = "x" * MIB, ["x" * (MIB // 64)] * 64
        for number in range(10):
            async with person.socket(site.url, talk.pk, compression="deflate") as socket:
                await told(socket, "hello")
                assert socket.protocol.extensions == [], "no frame unpacks to a larger one"
                assert await close_code(socket, pieces if number % 2 else whole) in (TOO_LARGE, None)
            async with person.socket(site.url, talk.pk) as socket:
                await told(socket, "hello")
                socket.transport.write(bomb())
                assert await close_code(socket) in (NOT_UNDERSTOOD, None)
            async with person.socket(site.url, talk.pk) as socket:
                await told(socket, "hello")
                assert await flooded(socket) == TOO_FAST
        for size in (MAX_FRAME_BYTES + 1, MOST_READ):
            async with person.socket(site.url, talk.pk) as socket:
                await told(socket, "hello")
                await socket.send("x" * size)
                assert (await told(socket, "error"))["code"] == "too_large"
                assert await close_code(socket) == TOO_LARGE
        assert psutil.Process(site.pid).memory_info().rss - before < MOST_GROWTH
        await bystander.send('{"type":"ping"}')
        assert await told(bystander, "pong")
