"""PostgreSQL restarts under the web process and the worker: requests meanwhile get a clear answer, whatever was
acknowledged is there, and every job ends once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from django.db import connections

from apps.conversations.models import Conversation, Message
from apps.generations.models import GenerationJob, State
from tests.faults.processes import WorkerProcess
from tests.faults.servers import Postgres, own_postgres
from tests.faults.web import Page, Person, WebProcess, in_thread, stored
from tests.world import World

pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]
TOKENS = 300
TOO_EARLY = "sent-too-early"


@pytest.fixture
def cluster(talk: Conversation, settings: Any) -> Iterator[Postgres]:
    with own_postgres(settings) as server:
        yield server


@pytest.fixture
async def postgres(cluster: Postgres) -> AsyncIterator[Postgres]:
    """The thread that asks for an event loop has a connection of its own."""
    await in_thread(connections.close_all)()
    yield cluster
    await in_thread(connections.close_all)()


async def check_that_it_says_so(person: Person, site: str, conversation: str) -> None:
    """What a page, a health check and a prompt get without a database."""
    answers = await asyncio.gather(
        asyncio.to_thread(person.get, f"{site}/c/{conversation}/"),
        asyncio.to_thread(person.send, site, conversation, "Is anybody there?", TOO_EARLY),
        asyncio.to_thread(person.get, f"{site}/readyz"),
        asyncio.to_thread(person.get, f"{site}/healthz"),
    )
    assert [answer.status_code for answer in answers] == [503, 503, 503, 200]
    for answer in answers[:2]:
        assert answer.headers["Retry-After"] == "10"
        assert "Back in a moment" in answer.text


async def test_restarts_lose_nothing_and_repeat_nothing(
    start: Callable[..., WorkerProcess],
    web: Callable[[], WebProcess],
    postgres: Postgres,
    talk: Conversation,
    world: World,
) -> None:
    site, worker = web(), await in_thread(start)()
    await in_thread(lambda: (site.ready(), worker.ready()))()
    person = await in_thread(Person)(world.editor)
    page = Page(person, talk, site.url)
    for mode in ("fast", "immediate"):
        writing = [await page.ask(f"Tell me about the number {number}.", TOKENS) for number in range(2)]
        await page.seen(lambda writing=writing: any(reader.text for reader in writing))
        await in_thread(connections.close_all)()
        await asyncio.to_thread(postgres.stop, mode)
        await check_that_it_says_so(person, site.url, talk.pk)
        await asyncio.to_thread(postgres.start)
        await page.ask("Is it well again?", TOKENS)
    assert await page.gaps() == [], "nobody's socket was closed"
    assert not await Message.objects.filter(client_id=TOO_EARLY).aexists()
    assert await GenerationJob.objects.acount() == len(page.readers) == 6
    for reader in page.readers:
        job = await stored(reader)
        assert (job.state, job.completion_tokens) == (State.SUCCEEDED, TOKENS)
