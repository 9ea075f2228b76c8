"""Workers that are killed, stopped and frozen: every job ends once, and its text is what an undisturbed run gives."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from time import monotonic, sleep
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from apps.audit.models import AuditEvent
from apps.generations.models import GenerationJob, LoadTime, State
from apps.generations.replay import said_in_log
from apps.lib.redis import sync_client
from tests.faults.processes import WorkerProcess
from tests.generations.reader import Reader
from tests.generations.scripted import ended, until

KILLS = int(os.environ.get("WORKER_KILLS", "10"))
pytestmark = [pytest.mark.faults, pytest.mark.timeout(180 + 10 * KILLS)]
Start = Callable[..., WorkerProcess]


def writing(worker: WorkerProcess) -> bool:
    """In mid-generation: it holds a job, and some text of this attempt is in the log."""
    for job in GenerationJob.objects.filter(pk__in=worker.holds()):
        text = said_in_log(sync_client(), job.pk, job.attempt).text
        if text:
            return True
    return False


def kill_again_and_again(start: Start, submit: Callable[..., GenerationJob]) -> list[GenerationJob]:
    """Two workers at a time, so that the next one is up when one is killed."""
    workers = [start().ready(), start()]
    jobs = [submit(f"Tell me about the number {number}.", max_tokens=220) for number in range(3)]
    for kill in range(KILLS):
        victim = stopped_in_mid_generation(workers, jobs, submit, later=0.05 * (kill % 4))
        workers.remove(victim)
        workers.append(start())
        victim.kill()
        # The other one takes over when the leases have run out.
    workers[0].ready()
    return [ended(job, 60) for job in jobs]


def stopped_in_mid_generation(
    workers: list[WorkerProcess], jobs: list[GenerationJob], submit: Callable[..., GenerationJob], *, later: float
) -> WorkerProcess:
    """One of the workers, stopped `later` seconds after it was seen writing and before its job ended: nobody knows in
    advance which worker claims a job, and on a quick machine the job may end before the signal arrives."""
    end = monotonic() + 90
    while monotonic() < end:
        if not open_jobs(jobs):
            jobs.append(submit(f"And about the number {len(jobs)}?", max_tokens=220))
        for worker in workers:
            if worker.works() and writing(worker):
                sleep(later)
                worker.signal(signal.SIGSTOP)
                sleep(0.05)  # what it had already sent to PostgreSQL is written by then
                if writing(worker):
                    return worker
                worker.signal(signal.SIGCONT)
        sleep(0.005)
    raise AssertionError("no worker was seen in mid-generation")


def open_jobs(jobs: list[GenerationJob]) -> bool:
    return GenerationJob.objects.filter(pk__in=[job.pk for job in jobs], state__in=("queued", "running")).exists()


async def test_kill_9_in_mid_generation_again_and_again(start: Start, submit: Callable[..., GenerationJob]) -> None:
    in_thread = sync_to_async(thread_sensitive=True)
    readers: dict[str, Reader] = {}
    tasks: list[asyncio.Task[Any]] = []
    loop = asyncio.get_running_loop()

    def submitted(text: str, **params: Any) -> GenerationJob:
        job = submit(text, **params)
        reader = readers[job.pk] = Reader(job.pk)
        loop.call_soon_threadsafe(lambda: tasks.append(loop.create_task(reader.run())))
        return job

    jobs = await in_thread(kill_again_and_again)(start, submitted)
    await asyncio.wait_for(asyncio.gather(*tasks), 20)
    assert sum(job.lost_attempts for job in jobs) >= KILLS
    for job in jobs:
        assert (job.state, job.completion_tokens) == (State.SUCCEEDED, 220)
        assert readers[job.pk].text == job.output, "what was seen is what is stored"
    await in_thread(check_ends)(jobs)
    undisturbed = await in_thread(run_again)(submit, jobs)
    assert [job.output for job in jobs] == undisturbed


def check_ends(jobs: list[GenerationJob]) -> None:
    for job in jobs:
        ends = AuditEvent.objects.filter(target_id=job.pk, action__in=("generation.succeeded", "generation.failed"))
        assert ends.count() == 1


def run_again(submit: Callable[..., GenerationJob], jobs: list[GenerationJob]) -> list[str]:
    again = [submit(job.messages[0]["content"], max_tokens=220) for job in jobs]
    done = [ended(job, 60) for job in again]
    assert all(job.attempt == 1 for job in done)
    return [job.output for job in done]


def test_a_frozen_worker_that_comes_back_writes_nothing(start: Start, submit: Callable[..., GenerationJob]) -> None:
    zombie = start().ready()
    job = submit("Count to a thousand.", max_tokens=300)
    until(lambda: writing(zombie), 60)
    zombie.signal(signal.SIGSTOP)
    other = start().ready()
    until(lambda: bool(other.holds()), 30)
    zombie.signal(signal.SIGCONT)
    done = ended(job, 60)
    assert (done.state, done.worker_id, done.attempt) == (State.SUCCEEDED, other.id, 2)
    assert AuditEvent.objects.filter(target_id=job.pk, action="generation.succeeded").count() == 1
    next_job = ended(submit("Are you both well?", max_tokens=5), 30)
    assert next_job.state == State.SUCCEEDED
    until(lambda: LoadTime.objects.filter(version=job.model_version, seconds__gt=0, size_bytes__gt=0).exists(), 30)
    assert zombie.runs


def test_sigterm_drains_and_then_gives_back(start: Start, submit: Callable[..., GenerationJob]) -> None:
    patient = start(WORKER_DRAIN_SECONDS="60").ready()
    job = submit("One that may finish.", max_tokens=200)
    until(lambda: writing(patient), 60)
    patient.signal(signal.SIGTERM)
    hasty = start(WORKER_DRAIN_SECONDS="0")
    hasty.ready()
    left = submit("One that comes too late.", max_tokens=1500)
    assert patient.wait(60) == 0, patient.output()
    drained = ended(job, 5)
    assert (drained.state, drained.attempt) == (State.SUCCEEDED, 1)

    until(lambda: writing(hasty), 60)
    asked = monotonic()
    hasty.signal(signal.SIGTERM)
    until(lambda: GenerationJob.objects.get(pk=left.pk).state == State.QUEUED, 15)
    assert monotonic() - asked < 5
    assert hasty.wait(30) == 0, hasty.output()
    left.refresh_from_db()
    assert (left.lease_until, left.lost_attempts) == (None, 0)
