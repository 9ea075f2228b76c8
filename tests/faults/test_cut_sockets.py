"""Many sockets that are cut again and again while answers stream: each goes on from its cursor, and all of them have
read what is stored."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Callable

import pytest

from apps.conversations.models import Conversation
from apps.generations.models import State
from tests.faults.processes import WorkerProcess
from tests.faults.web import Page, Person, WebProcess, follow, in_thread, stored, told
from tests.generations.reader import Reader
from tests.world import World

SOCKETS = int(os.environ.get("CUT_SOCKETS", "20"))
pytestmark = [pytest.mark.faults, pytest.mark.timeout(120 + 2 * SOCKETS)]
TOKENS, ANSWERS = 1800, 2 + SOCKETS // 40
SEED = 20261129


async def read_in_parts(person: Person, site: str, conversation: str, reader: Reader, chance: random.Random) -> int:
    """To the end of an answer. How often the socket was cut: in the middle of anything, or with a close."""
    cuts = 0
    while True:
        async with person.socket(site, conversation) as socket:
            await told(socket, "hello")
            await follow(socket, reader)
            for _ in range(chance.randint(0, 12)):
                before, frame = reader.text, await told(socket, "job")
                reader.take(frame)
                if reader.end is not None:
                    assert reader.text.startswith(before), "nothing was taken back by the end"
                    return cuts
            if chance.random() < 0.5:
                socket.transport.abort()
        cuts += 1


async def test_every_socket_reads_what_is_stored_however_often_it_is_cut(
    start: Callable[..., WorkerProcess], web: Callable[[], WebProcess], talk: Conversation, world: World
) -> None:
    site, worker = web(), await in_thread(start)()
    await in_thread(lambda: (site.ready(), worker.ready()))()
    people = [await in_thread(Person)(each) for each in (world.owner, world.editor, world.viewer)]
    page = Page(people[1], talk, site.url)
    answers = [await page.ask(f"Tell me about the number {number}.", TOKENS) for number in range(ANSWERS)]
    readers = [Reader(answers[number % ANSWERS].job) for number in range(SOCKETS)]
    cuts = await asyncio.gather(
        *(
            read_in_parts(people[number % 3], site.url, talk.pk, reader, random.Random(SEED + number))
            for number, reader in enumerate(readers)
        )
    )
    assert await page.gaps() == [], "nobody's socket was closed but by its own page"
    assert sum(cuts) > 2 * SOCKETS
    for reader in (*readers, *answers):
        job = await stored(reader)
        assert (job.state, job.attempt) == (State.SUCCEEDED, 1)
