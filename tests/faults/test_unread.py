"""A web process is killed while programs wait on it: their jobs are stopped, and charged for what was written; those of
the others go on, also while the database is away."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from django.db import connections

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.generations.models import GenerationJob, State
from apps.quotas.models import LedgerEntry
from tests.faults.processes import LEASE_SECONDS, WorkerProcess, site_environment
from tests.faults.servers import Postgres, own_postgres
from tests.faults.test_programs import ENDLESS, client_of, token_for, until
from tests.faults.web import WebProcess, in_thread
from tests.generations.models import hosted, install_tiny
from tests.preloaded.running import ROOT
from tests.world import World

WORDY: dict[str, Any] = ENDLESS | {"model": "slower", "response_format": {"type": "regex", "regex": "[a-z ]{9000}"}}
"""It takes longer than anybody here waits, and doesn't end before."""
pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]


@pytest.fixture
def housekeeping(tmp_path: Path) -> Iterator[Callable[[], None]]:
    """Start it. It does one chore."""
    started: list[subprocess.Popen[bytes]] = []
    log = tmp_path / "housekeeping.log"

    def start() -> None:
        command = [sys.executable, "manage.py", "housekeeping", "api.stop_unread"]
        with log.open("ab") as output:
            started.append(subprocess.Popen(command, cwd=ROOT, env=site_environment(), stdout=output, stderr=output))

    yield start
    for process in started:
        process.kill()
        process.wait()
    sys.stdout.write(f"--- housekeeping\n{log.read_text()[-4000:] if log.exists() else ''}")


@pytest.fixture
def slower_model(slow_model: HostedModel, tmp_path: Path, settings: Any) -> HostedModel:
    shape = {"hidden_size": 256, "intermediate_size": 512, "num_hidden_layers": 32, "max_position_embeddings": 2048}
    return hosted(install_tiny(settings.MODEL_STORE, tmp_path / "slower", **shape), "slower", context_length=2048)


@pytest.fixture
def cluster(slower_model: HostedModel, world: World, settings: Any) -> Iterator[Postgres]:
    with own_postgres(settings) as server:
        yield server


@pytest.fixture
async def postgres(cluster: Postgres) -> AsyncIterator[Postgres]:
    """The thread that asks for an event loop has a connection of its own."""
    await in_thread(connections.close_all)()
    yield cluster
    await in_thread(connections.close_all)()


async def begun(site: WebProcess, token: str) -> Any:
    """A stream, when its first word is there, and its job."""
    stream = await client_of(site, token).chat.completions.create(**WORDY, stream=True)
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    return stream, await GenerationJob.objects.aget(pk=stream.response.headers["X-Atrium-Job"])


async def test_nobody_works_for_a_process_that_was_killed(
    start: Callable[..., WorkerProcess],
    web: Callable[[], WebProcess],
    housekeeping: Callable[[], None],
    slower_model: HostedModel,
    world: World,
) -> None:
    doomed, other, worker = web(), web(), await in_thread(start)()
    housekeeping()
    await in_thread(lambda: (doomed.ready(), other.ready(), worker.ready()))()
    raw = await in_thread(token_for)(world)
    lost, unread = await begun(doomed, raw)
    going, followed = await begun(other, raw)
    await asyncio.to_thread(doomed.kill)
    with pytest.raises(openai.APIConnectionError):
        _ = [chunk async for chunk in lost]
    async with asyncio.timeout(40):
        while (await GenerationJob.objects.aget(pk=unread.pk)).state == State.RUNNING:  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    unread = await GenerationJob.objects.aget(pk=unread.pk)
    assert (unread.state, unread.error_code, unread.finish_reason) == (State.CANCELLED, "unread", "cancelled")
    assert unread.output
    settled = await LedgerEntry.objects.aget(job_id=unread.pk, kind="settle")
    assert settled.tokens == unread.prompt_tokens + unread.completion_tokens > unread.prompt_tokens
    ended = await AuditEvent.objects.aget(target_id=unread.pk, action="generation.cancelled")
    assert (ended.actor_id, ended.details["error_code"]) == ("", "unread")
    assert (await GenerationJob.objects.aget(pk=followed.pk)).cancel_requested_at is None
    await going.close()
    await until({State.CANCELLED})


async def test_while_the_database_is_away_nobody_is_given_up(
    start: Callable[..., WorkerProcess],
    web: Callable[[], WebProcess],
    housekeeping: Callable[[], None],
    postgres: Postgres,
    slower_model: HostedModel,
    world: World,
) -> None:
    site, worker = web(), await in_thread(start)()
    housekeeping()
    await in_thread(lambda: (site.ready(), worker.ready()))()
    going, job = await begun(site, await in_thread(token_for)(world))
    await in_thread(connections.close_all)()
    await asyncio.to_thread(postgres.stop, "fast")
    await asyncio.sleep(2 * LEASE_SECONDS)
    await asyncio.to_thread(postgres.start)
    await asyncio.sleep(2 * LEASE_SECONDS)
    now = await GenerationJob.objects.aget(pk=job.pk)
    assert (now.cancel_requested_at, now.error_code) == (None, "")
    assert now.state == State.RUNNING
    await going.close()
    await until({State.CANCELLED})
