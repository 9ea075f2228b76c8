"""Jobs of programs whose web process was killed are stopped; those that somebody waits for never are."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now

from apps.api import unread
from apps.api.actions import create_token
from apps.api.asking import ask
from apps.api.chat_request import read_chat_request
from apps.api.models import ApiCall, Reader
from apps.api.reading import own_id
from apps.api.unread import StopUnread
from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.generations.models import GenerationJob, State
from apps.lib.database import in_thread
from tests.api.conftest import HELLO, LONG, Program
from tests.api.test_hanging_up import CHAT, Connection, states
from tests.world import World


@pytest.fixture
def job(world: World, model: HostedModel, settings: Any) -> GenerationJob:
    """Somebody waits for it, in a process that is there."""
    settings.HEARTBEAT_SECONDS = 0
    token, _ = create_token(actor=world.editor, project=world.project, name="Notebook", days=30)
    token.reader = "here"
    Reader.objects.create(pk="here", seen_at=Now())
    return ask(token, read_chat_request({"model": "tiny", "messages": HELLO}))


def away(seconds: float) -> None:
    Reader.objects.update(seen_at=Now() - timedelta(seconds=seconds))


def test_a_job_that_nobody_waits_for_is_stopped_once_that_is_sure(job: GenerationJob) -> None:
    stop = StopUnread()
    assert (stop(), stop()) == (0, 0)
    away(2.5)  # a lease is 2 seconds here
    assert stop() == 0, "perhaps it is about to say that it is there"
    assert (stop(), stop()) == (1, 0)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (State.CANCELLED, "unread")
    ended = AuditEvent.objects.get(action="generation.cancelled", target_id=job.pk)
    assert (ended.actor_id, ended.details["error_code"]) == ("", "unread")


def test_one_that_runs_is_ended_by_its_worker(job: GenerationJob) -> None:
    GenerationJob.objects.update(state=State.RUNNING, attempt=1)
    stop = StopUnread()
    Reader.objects.all().delete()
    assert (stop(), stop(), stop()) == (0, 1, 0)
    job.refresh_from_db()
    assert job.state == State.RUNNING
    assert job.cancel_requested_at
    assert job.error_message.startswith("The web process that waited for this on behalf of a program is gone")


def test_who_comes_back_in_time_goes_on(job: GenerationJob, settings: Any) -> None:
    stop = StopUnread()
    away(2.5)
    assert stop() == 0
    Reader.objects.update(seen_at=Now())
    assert (stop(), stop()) == (0, 0)
    # What was found before the database failed counts for nothing, nor two looks that follow at once on a long one.
    away(2.5)
    assert stop() == 0
    with pytest.raises(DatabaseError):
        _in_a_broken_database(stop)
    assert stop() == 0
    settings.HEARTBEAT_SECONDS = 60
    assert stop() == 0


@transaction.atomic
def _in_a_broken_database(stop: StopUnread) -> None:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE api_reader RENAME TO gone")
    stop()


def test_what_nobody_can_have_waited_for_is_left_alone(job: GenerationJob) -> None:
    """Such as what was asked before processes said that they are there."""
    ApiCall.objects.update(reader="")
    Reader.objects.all().delete()
    stop = StopUnread()
    assert (stop(), stop()) == (0, 0)


def test_few_are_looked_at(job: GenerationJob) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        plan = unread.unread_calls().explain()
    assert "job_queued" in plan, plan
    assert "job_running" in plan, plan


@pytest.mark.django_db(transaction=True)
async def test_a_process_says_that_it_is_there_while_programs_wait(
    program: Program, model: HostedModel, settings: Any
) -> None:
    """Nobody works on the job."""
    settings.HEARTBEAT_SECONDS = 0.2
    line = Connection(program, *CHAT)
    await line.ask()
    async with asyncio.timeout(LONG):
        while not await ApiCall.objects.aexists():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert (await ApiCall.objects.aget()).reader == own_id()
    await in_thread(away, 60)
    stop, stopped = StopUnread(), 0
    for _ in range(10):
        await asyncio.sleep(0.1)
        stopped += await in_thread(stop)
    assert (stopped, await states()) == (0, [State.QUEUED])
    await line.hang_up()
    await in_thread(away, 60)
    await asyncio.sleep(0.4)
    assert await Reader.objects.filter(seen_at__lt=Now() - timedelta(seconds=50)).aexists(), "it says nothing any more"
