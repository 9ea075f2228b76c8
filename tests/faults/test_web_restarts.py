"""Web processes are killed and restarted one after another while an answer streams: its readers come again, and see
all of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from apps.conversations.models import Conversation
from apps.generations.models import GenerationJob, State
from tests.faults.processes import WorkerProcess
from tests.faults.web import Page, Person, WebProcess, in_thread, stored
from tests.world import World

pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]
TOKENS = 1800
RESUMED_WITHIN = 5


async def test_readers_outlive_their_web_process(
    start: Callable[..., WorkerProcess], web: Callable[[], WebProcess], talk: Conversation, world: World
) -> None:
    one, two, worker = web(), web(), await in_thread(start)()
    await in_thread(lambda: (one.ready(), two.ready(), worker.ready()))()
    page = Page(await in_thread(Person)(world.editor), talk, one.url, two.url)
    reader = await page.ask("Tell me about the sea.", TOKENS)
    await page.seen(lambda: bool(reader.text))
    await asyncio.to_thread(one.kill)
    stood = len(reader.text)
    await page.seen(lambda: reader.end is not None or len(reader.text) > stood)
    await asyncio.to_thread(lambda: one.start().ready())
    await asyncio.to_thread(two.end)
    await page.ask("And while one restarts?", 20)
    gaps = await page.gaps()
    assert gaps, "a socket was closed"
    assert max(gaps) < RESUMED_WITHIN
    assert await GenerationJob.objects.acount() == 2
    for each in page.readers:
        job = await stored(each)
        assert (job.state, job.attempt) == (State.SUCCEEDED, 1)
