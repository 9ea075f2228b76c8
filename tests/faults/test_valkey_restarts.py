"""Valkey is killed and comes back empty while answers are written: they go on, and so does everybody who reads them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from redis import Redis

from apps.conversations.models import Conversation
from apps.generations.actions import request_cancel
from apps.generations.doorbell import WAKE_CHANNEL
from apps.generations.models import GenerationJob, State
from tests.faults.processes import WorkerProcess
from tests.faults.servers import Valkey, own_valkey
from tests.faults.web import Page, Person, WebProcess, in_thread, stored
from tests.generations.scripted import until
from tests.world import World

pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]
OUTAGES = 3
LONG, SHORT = 1800, 100
"""Tokens."""


@pytest.fixture
def valkey(talk: Conversation, settings: Any) -> Iterator[Valkey]:
    with own_valkey(settings) as server:
        yield server


def hears_its_doorbell(valkey: Valkey) -> bool:
    """A worker listens to the channel that wakes it, and waits for what Celery brings."""
    client = Redis.from_url(valkey.url)
    listeners = client.pubsub_numsub(WAKE_CHANNEL)[0][1]
    return listeners > 0 and any(each["cmd"] == "brpop" for each in client.client_list())


async def test_answers_go_on_when_valkey_was_killed(
    start: Callable[..., WorkerProcess], web: Callable[[], WebProcess], valkey: Valkey, talk: Conversation, world: World
) -> None:
    site, worker = web(), await in_thread(start)()
    await in_thread(lambda: (site.ready(), worker.ready()))()
    page = Page(await in_thread(Person)(world.editor), talk, site.url)
    lived = 0
    long = await page.ask("Tell me about the sea.", LONG)
    while lived < OUTAGES:
        if long.end is not None:
            long = await page.ask("Go on.", LONG)
        await page.seen(lambda it=long: bool(it.text))
        await asyncio.to_thread(valkey.kill)
        stood = len(long.text)
        meanwhile = await page.ask("Nobody hears the doorbell now.", SHORT)
        await asyncio.to_thread(valkey.start)
        await page.seen(lambda it=long, stood=stood: it.end is not None or len(it.text) > stood)
        lived += long.end is None
        await page.seen(lambda it=meanwhile: it.end is not None)
    await in_thread(lambda: request_cancel(actor=world.editor, job=GenerationJob.objects.get(pk=long.job)))()
    assert await page.gaps() == [], "nobody's socket was closed"
    for reader in page.readers:
        job = await stored(reader)
        assert (job.state, job.attempt) in [(State.SUCCEEDED, 1), (State.CANCELLED, 1)][: 1 + (reader is long)]
    await asyncio.to_thread(until, lambda: hears_its_doorbell(valkey))
