"""The runner with a scripted engine: every job gets exactly one end, whatever is lost on the way."""

from __future__ import annotations

import json
import threading
import time
from datetime import timedelta
from time import monotonic
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.generations.actions import request_cancel, wipe_content
from apps.generations.claims import Held, claim, extend, release
from apps.generations.endings import Outcome, finish, reap
from apps.generations.models import GenerationJob, State, Worker
from apps.generations.tasks import on_ring, ring
from engine.types import FinishReason
from tests.generations.conftest import Submit
from tests.generations.scripted import ScriptedEngine, ended, expected, running_worker, until
from tests.world import World

DONE = Outcome(State.SUCCEEDED, "text", "stop", 3)


def lose_lease(job: GenerationJob) -> None:
    """As if its worker had been silent for longer than the lease."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE generations_generationjob SET lease_until = now() - interval '1 s' WHERE id = %s", [job.pk]
        )


def lose(job: GenerationJob) -> list[GenerationJob]:
    """What was taken away then: at once, before the next heartbeat of a worker that lives can extend the lease."""
    with transaction.atomic():
        lose_lease(job)
        return reap()


def claimed(worker: str = "a") -> Held:
    (job,) = claim(worker, ("tiny",), 1)
    return Held(job.pk, job.attempt)


def test_a_job_runs_to_its_end(submit: Submit, worker: Any) -> None:
    job = ended(submit(max_tokens=20))
    assert (job.state, job.finish_reason, job.attempt) == (State.SUCCEEDED, "length", 1)
    assert job.output == expected(job)
    assert (job.completion_tokens, job.lease_until) == (20, None)
    assert job.queue_ms is not None
    assert 0 <= job.queue_ms < 5000
    event = AuditEvent.objects.get(action="generation.succeeded")
    assert event.details["completion_tokens"] == 20
    assert job.output not in str(event.details)


def test_rung_jobs_start_at_once(
    transactional_db: None, submit: Submit, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.generations.runner.LOOK_SECONDS", 60.0)
    with running_worker(engine) as worker:
        on_ring(worker.ring)
        job = submit(max_tokens=1)
        ring(job.pk)
        ended(job, seconds=20)


def test_a_lost_ring_costs_a_second(submit: Submit, worker: Any) -> None:
    ended(submit(max_tokens=1))
    ended(submit(max_tokens=1))


def test_many_jobs_share_the_slots_in_order(submit: Submit, worker: Any, engine: ScriptedEngine) -> None:
    jobs = [submit(f"job {number}", max_tokens=10) for number in range(12)]
    worker.wake()
    for job in jobs:
        assert ended(job).output == expected(job)
    assert [request.id.split(":")[0] for request in engine.requests] == [job.pk for job in jobs]


def test_every_ring_three_times_is_still_one_run(submit: Submit, worker: Any, engine: ScriptedEngine) -> None:
    on_ring(worker.ring)
    jobs = [submit(max_tokens=5) for _ in range(4)]
    threads = [threading.Thread(target=ring, args=(job.pk,)) for job in jobs for _ in range(3)]
    for thread in threads:
        thread.start()
    for job in jobs:
        assert ended(job).attempt == 1
    assert len(engine.requests) == 4


def test_two_workers_never_take_the_same_job(submit: Submit, engine: ScriptedEngine, transactional_db: None) -> None:
    other = ScriptedEngine()
    jobs = [submit(max_tokens=3) for _ in range(16)]
    with running_worker(engine, "one"), running_worker(other, "two"):
        assert all(ended(job).attempt == 1 for job in jobs)
    assert sorted(request.id for request in engine.requests + other.requests) == sorted(f"{job.pk}:1" for job in jobs)


def test_cancel_of_a_waiting_job_is_immediate(submit: Submit, world: World) -> None:
    job = submit()
    assert request_cancel(actor=world.editor, job=job)
    job.refresh_from_db()
    assert (job.state, job.finish_reason) == (State.CANCELLED, "cancelled")
    assert not request_cancel(actor=world.editor, job=job)
    assert claim("a", ("tiny",), 5) == []
    assert AuditEvent.objects.filter(action="generation.cancelled").count() == 1


def test_cancel_of_a_running_job_keeps_what_was_written(submit: Submit, worker: Any, world: World) -> None:
    job = submit(max_tokens=400)
    worker.wake()
    until(lambda: GenerationJob.objects.get(pk=job.pk).state == State.RUNNING)
    threading.Event().wait(0.2)
    started = monotonic()
    assert request_cancel(actor=world.editor, job=job)
    job = ended(job)
    assert monotonic() - started < 1.2
    assert (job.state, job.finish_reason) == (State.CANCELLED, "cancelled")
    assert 0 < job.completion_tokens < 400
    assert job.output == expected(job, job.completion_tokens)


def test_cancel_without_redis_takes_two_seconds_at_most(submit: Submit, worker: Any, world: World) -> None:
    job = submit(max_tokens=450)
    worker.wake()
    until(lambda: GenerationJob.objects.get(pk=job.pk).state == State.RUNNING)
    GenerationJob.objects.filter(pk=job.pk).update(cancel_requested_at=job.created_at)
    assert ended(job, seconds=2).state == State.CANCELLED


def test_an_attempt_that_lost_its_lease_writes_nothing(submit: Submit) -> None:
    job = submit()
    old = claimed("a")
    assert [each.state for each in lose(job)] == [State.QUEUED]
    new = claimed("b")
    assert new.attempt == old.attempt + 1
    assert finish(old, DONE) is None
    assert not release(old)
    assert extend([old]).held == frozenset()
    assert extend([new]).held == {new}
    done = finish(new, DONE)
    assert done is not None
    assert done.output == "text"
    assert finish(new, DONE) is None, "one end, once"
    assert AuditEvent.objects.filter(action="generation.succeeded").count() == 1


def test_negative_control_without_the_fence_a_lost_attempt_would_write(
    submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit()
    old = claimed("a")
    lose(job)
    claimed("b")
    unfenced = Held(old.job, old.attempt + 1)  # what a statement that doesn't compare the attempt would match
    assert finish(unfenced, DONE) is not None


def test_a_zombie_is_stopped_and_the_second_attempt_is_the_one_that_counts(
    submit: Submit, engine: ScriptedEngine, transactional_db: None
) -> None:
    engine.pace = 0.01
    zombie = ScriptedEngine(pace=0.01)
    job = submit(max_tokens=60)
    with running_worker(zombie, "zombie") as sleeper:
        until(lambda: GenerationJob.objects.get(pk=job.pk).state == State.RUNNING)
        zombie.frozen.set()
        sleeper.stop_claiming()
        lose(job)
        with running_worker(engine, "fresh"):
            until(lambda: bool(engine.requests))
            until(lambda: f"{job.pk}:1" in zombie._cancelled)
            zombie.frozen.clear()
            done = ended(job)
    assert (done.attempt, done.worker_id, done.output) == (2, "fresh", expected(job))
    assert AuditEvent.objects.filter(target_id=job.pk, action="generation.succeeded").count() == 1


def test_a_job_that_loses_its_worker_three_times_fails_with_a_reason(submit: Submit) -> None:
    job = submit()
    for lost in range(3):
        assert claimed().attempt == lost + 1
        lose(job)
    job.refresh_from_db()
    assert (job.state, job.error_code, job.lost_attempts) == (State.FAILED, "worker_lost", 3)
    assert "3 times" in job.error_message
    assert claim("a", ("tiny",), 1) == []


def test_being_put_back_by_a_worker_that_stops_is_not_a_lost_attempt(submit: Submit) -> None:
    job = submit()
    for _ in range(5):
        assert release(claimed())
    job.refresh_from_db()
    assert (job.state, job.attempt, job.lost_attempts) == (State.QUEUED, 5, 0)


def test_a_wish_to_stop_outlives_the_worker(submit: Submit, world: World) -> None:
    job = submit()
    held = claimed()
    request_cancel(actor=world.editor, job=job)
    assert not release(held)
    lose(job)
    job.refresh_from_db()
    assert job.state == State.CANCELLED


@pytest.mark.parametrize("hours", [-1, 1])
def test_only_the_clock_of_the_database_counts(submit: Submit, monkeypatch: pytest.MonkeyPatch, hours: int) -> None:
    """What a worker takes for now decides neither whose a job is nor for how long."""
    job = submit()
    held = claimed("a")
    now, seconds = timezone.now, time.time
    monkeypatch.setattr(timezone, "now", lambda: now() + timedelta(hours=hours))
    monkeypatch.setattr(time, "time", lambda: seconds() + hours * 3600)
    assert extend([held]).held == {held}
    assert reap() == []
    assert claim("b", ("tiny",), 1) == []
    assert lease_seconds(held) == pytest.approx(settings.LEASE_SECONDS, abs=1)
    assert [each.pk for each in lose(job)] == [job.pk]
    assert claimed("b") == Held(job.pk, held.attempt + 1)


def lease_seconds(held: Held) -> float:
    """How long a lease lasts from now on, by the database."""
    with connection.cursor() as cursor:
        left = "extract(epoch FROM lease_until - statement_timestamp())"
        cursor.execute(f"SELECT {left} FROM generations_generationjob WHERE id = %s", [held.job])
        return float(cursor.fetchone()[0])


def test_a_lease_that_ran_out_but_was_not_taken_can_be_extended(submit: Submit) -> None:
    job = submit()
    held = claimed()
    lose_lease(job)
    assert extend([held]).held == {held}
    assert reap() == []


def test_a_worker_that_stops_puts_its_jobs_back_at_once(submit: Submit, transactional_db: None) -> None:
    first, second = ScriptedEngine(pace=0.05), ScriptedEngine(pace=0.001)
    job = submit(max_tokens=50)
    with running_worker(first, "first"):
        until(lambda: bool(first.requests))
    job.refresh_from_db()
    assert (job.state, job.lease_until, job.worker_id) == (State.QUEUED, None, "")
    with running_worker(second, "second"):
        job = ended(job, seconds=3)
    assert (job.attempt, job.lost_attempts, job.output) == (2, 0, expected(job))


def test_a_worker_that_drains_finishes_its_jobs_and_takes_no_more(submit: Submit, transactional_db: None) -> None:
    engine = ScriptedEngine(pace=0.01)
    with running_worker(engine) as runner:
        job = submit(max_tokens=30)
        runner.wake()
        until(lambda: bool(engine.requests))
        runner.stop_claiming()
        late = submit(max_tokens=1)
        runner.wake()
        runner.stop(drain_seconds=5)
    job.refresh_from_db()
    late.refresh_from_db()
    assert (job.state, job.attempt, late.state) == (State.SUCCEEDED, 1, State.QUEUED)


def test_what_the_engine_can_not_do_is_a_failure_with_its_reason(
    submit: Submit, engine: ScriptedEngine, worker: Any
) -> None:
    engine.pace = 0.05
    job = submit(max_tokens=200)
    until(lambda: bool(engine.requests))
    (held,) = worker._leases.held()
    from engine.types import FinishEvent, Usage

    worker._publisher.receive(
        held, FinishEvent("x", FinishReason.ERROR, Usage(), "out_of_memory", "The device is out of memory.")
    )
    job = ended(job)
    assert (job.state, job.error_code, job.error_message) == (
        State.FAILED, "out_of_memory", "The device is out of memory."
    )  # fmt: skip


def test_an_end_waits_for_a_database_that_is_away(submit: Submit, worker: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows are locked for longer than a statement may take: to the worker that is an outage."""
    job = submit(max_tokens=30)
    until(lambda: GenerationJob.objects.get(pk=job.pk).state == State.RUNNING)
    from django.db import OperationalError

    from apps.generations import finisher

    real, failures = finisher.finish, iter(range(3))

    def outage(*args: Any) -> Any:
        if next(failures, None) is not None:
            raise OperationalError("the connection is lost")
        return real(*args)

    monkeypatch.setattr(finisher, "finish", outage)
    job = ended(job)
    assert (job.state, job.attempt, job.output) == (State.SUCCEEDED, 1, expected(job))


def test_a_nul_in_the_text_does_not_lose_the_job(submit: Submit, worker: Any) -> None:
    from engine.types import FinishEvent, TextEvent, Usage

    job = submit(max_tokens=400)
    until(lambda: worker._publisher._transcripts)
    (held,) = worker._leases.held()
    worker._publisher.receive(held, TextEvent("x", 0, "a\0b", 1))
    worker._publisher.receive(held, FinishEvent("x", FinishReason.STOP, Usage()))
    assert "a\ufffdb" in ended(job).output


def test_erased_texts_stay_erased_although_a_worker_was_busy(submit: Submit, worker: Any) -> None:
    job = submit("a secret", max_tokens=100)
    until(lambda: GenerationJob.objects.get(pk=job.pk).state == State.RUNNING)
    assert wipe_content([job.pk]) == 1
    until(lambda: not worker._leases.busy())
    job.refresh_from_db()
    assert (job.state, job.output, job.messages, job.prompt_ids) == (State.CANCELLED, "", [], [])
    assert job.prompt_tokens > 0


def test_what_else_was_written_for_it_is_erased_too(submit: Submit) -> None:
    """Numbers stay, for accounting."""
    job = submit("a secret", stop=["secret"], temperature=0.3)
    written = {
        "json_schema": '{"title": "secret"}', "regex": "secret", "tools": '[{"name": "secret"}]',
        "word_bias": {"secret": 5}, "logit_bias": {"7": 5},
    }  # fmt: skip
    GenerationJob.objects.filter(pk=job.pk).update(params=job.params | written)
    wipe_content([job.pk])
    job.refresh_from_db()
    assert "secret" not in json.dumps(job.params)
    assert "logit_bias" not in job.params
    assert (job.params["temperature"], job.params["stop"]) == (0.3, [])


def test_what_a_lost_engine_had_is_finished_by_another_worker(
    submit: Submit, engine: ScriptedEngine, transactional_db: None
) -> None:
    first, slots = ScriptedEngine(pace=0.02), 2
    jobs = [submit(f"hello {number}", max_tokens=200) for number in range(3 * slots)]
    with running_worker(first, "first", slots=slots):
        until(lambda: len(first.requests) == slots)  # of claimed ones that it refuses none is lost
        first.lost.set()
        with running_worker(engine, "second"):
            done = [ended(job) for job in jobs]
    assert {(job.state, job.worker_id) for job in done} == {(State.SUCCEEDED, "second")}
    assert sum(job.lost_attempts for job in done) == slots, "it took no more of the queue"
    assert all(job.output == expected(job) for job in done)


def test_a_worker_says_that_it_is_alive_and_leaves(
    submit: Submit, engine: ScriptedEngine, transactional_db: None
) -> None:
    from apps.generations.presence import alive_workers, is_served

    with running_worker(engine, "here"):
        until(lambda: Worker.objects.filter(pk="here").exists())
        assert is_served("tiny")
        assert not is_served("other")
        assert [worker.pk for worker in alive_workers()] == ["here"]
    assert not alive_workers().exists()
