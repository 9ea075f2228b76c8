"""Everything that may happen to a job, in any order, on the real database and log: what must always hold, holds."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from apps.audit.models import AuditEvent
from apps.generations.actions import request_cancel
from apps.generations.claims import Held, claim, extend, release, to_be_cancelled
from apps.generations.endings import Outcome, finish, reap
from apps.generations.log import Answer, Append, LogWriter
from apps.generations.models import TERMINAL, GenerationJob, State
from apps.generations.replay import said_in_log
from apps.lib.redis import sync_client
from tests.generations.conftest import Submit
from tests.generations.test_worker import lose_lease
from tests.world import World

EXAMPLES = int(os.environ.get("MACHINE_EXAMPLES", "25"))
ENDS = ("generation.succeeded", "generation.failed", "generation.cancelled")
WORKERS = st.sampled_from(["a", "b"])


class Jobs(RuleBasedStateMachine):
    """Two workers that remember all leases they ever had, and go on using them: the worst zombies there are."""

    submit: Submit
    world: World

    def __init__(self) -> None:
        super().__init__()
        GenerationJob.objects.all().delete()
        sync_client().flushdb()
        self.writer = LogWriter(sync_client())
        self.leases: dict[str, list[Held]] = {"a": [], "b": []}
        self.written: dict[Held, list[dict[str, Any]]] = {}
        self.ends: dict[str, tuple[str, str]] = {}

    def jobs(self) -> list[GenerationJob]:
        return list(GenerationJob.objects.order_by("created_at", "pk"))

    def valid(self, held: Held) -> bool:
        return GenerationJob.objects.filter(pk=held.job, attempt=held.attempt, state=State.RUNNING).exists()

    def pick(self, data: st.DataObject, worker: str) -> Held | None:
        leases = self.leases[worker]
        return data.draw(st.sampled_from(leases)) if leases else None

    @precondition(lambda self: GenerationJob.objects.count() < 4)
    @rule()
    def submitted(self) -> None:
        type(self).submit(max_tokens=3)

    @rule(worker=WORKERS, limit=st.integers(1, 2))
    def claimed(self, worker: str, limit: int) -> None:
        """A doorbell, rung once or again and again."""
        waiting = [job.pk for job in self.jobs() if job.state == State.QUEUED]
        taken = [Held(job.pk, job.attempt) for job in claim(worker, ("tiny",), limit)]
        assert [held.job for held in taken] == waiting[:limit]
        known = [held for leases in self.leases.values() for held in leases]
        assert not set(taken) & set(known), "no lease is given twice"
        self.leases[worker] += taken

    @rule(worker=WORKERS)
    def heartbeat(self, worker: str) -> None:
        beat = extend(self.leases[worker])
        assert beat.held == {held for held in self.leases[worker] if self.valid(held)}
        assert beat.cancelled == set(to_be_cancelled(beat.held))

    @precondition(lambda self: any(job.state == State.RUNNING for job in self.jobs()))
    @rule(data=st.data())
    def expired(self, data: st.DataObject) -> None:
        lose_lease(data.draw(st.sampled_from([job for job in self.jobs() if job.state == State.RUNNING])))

    @rule()
    def reaped(self) -> None:
        reap()
        assert reap() == []

    @precondition(lambda self: self.jobs())
    @rule(data=st.data())
    def cancelled(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from(self.jobs()))
        assert request_cancel(actor=type(self).world.editor, job=job) == (job.state not in TERMINAL)
        after = GenerationJob.objects.get(pk=job.pk)
        assert after.state == (State.CANCELLED if job.state == State.QUEUED else job.state)

    @rule(worker=WORKERS, data=st.data(), repeated=st.booleans())
    def appended(self, worker: str, data: st.DataObject, repeated: bool) -> None:
        held = self.pick(data, worker)
        if held is None:
            return
        events = self.written.setdefault(held, [])
        text = f"{held.attempt}.{len(events)} "
        events.append(
            {"kind": "text", "offset": sum(len(e["text"]) for e in events), "text": text, "tokens": len(events)}
        )
        answers = [self.writer.append([Append(*held, len(events), events[-1:])])[0] for _ in range(1 + repeated)]
        newer = [other for other in self.written if other.job == held.job and other.attempt > held.attempt]
        if any(self.written[other] for other in newer):
            assert set(answers) == {Answer.STALE}
            events.pop()
        else:
            assert set(answers) == {Answer.WRITTEN}

    @rule(worker=WORKERS, data=st.data(), state=st.sampled_from([State.SUCCEEDED, State.FAILED, State.CANCELLED]))
    def finished(self, worker: str, data: st.DataObject, state: State) -> None:
        held = self.pick(data, worker)
        if held is None:
            return
        text = "".join(event["text"] for event in self.written.get(held, []))
        could = self.valid(held)
        done = finish(held, Outcome(state, text, "stop", len(self.written.get(held, []))))
        assert (done is not None) == could

    @rule(worker=WORKERS, data=st.data())
    def given_back(self, worker: str, data: st.DataObject) -> None:
        held = self.pick(data, worker)
        if held is None:
            return
        could = self.valid(held) and not to_be_cancelled([held])
        assert release(held) == could

    @invariant()
    def one_end_and_it_stays(self) -> None:
        for job in self.jobs():
            ends = AuditEvent.objects.filter(target_id=job.pk, action__in=ENDS).count()
            assert ends == (1 if job.is_terminal else 0)
            if job.is_terminal:
                assert self.ends.setdefault(job.pk, (job.state, job.output)) == (job.state, job.output)
                assert job.lease_until is None
                assert job.finished_at is not None

    @invariant()
    def states_are_whole(self) -> None:
        for job in self.jobs():
            assert (job.lease_until is not None) == (job.state == State.RUNNING)
            assert job.lost_attempts <= 3
            assert job.attempt >= job.lost_attempts
            if job.state == State.QUEUED:
                assert job.cancel_requested_at is None
                assert job.worker_id == ""

    @invariant()
    def logs_hold_what_their_attempt_wrote(self) -> None:
        for held, events in self.written.items():
            if events:
                assert said_in_log(sync_client(), *held).text == "".join(event["text"] for event in events)


def test_jobs_under_everything_that_may_happen(submit: Submit, world: World) -> None:
    machine = type("Machine", (Jobs,), {"submit": staticmethod(submit), "world": world})
    run_state_machine_as_test(machine, settings=_settings())


def _settings() -> settings:
    checks = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(max_examples=EXAMPLES, stateful_step_count=25, deadline=None, suppress_health_check=checks)
