"""The longest time that an answer or a picture may take, which administrators set for each model."""

from __future__ import annotations

from typing import Any

import pytest

from apps.audit.models import AuditEvent
from apps.catalog.actions import set_longest_time
from apps.catalog.models import HostedModel
from apps.generations.actions import submit_generation
from apps.generations.claims import Held
from apps.generations.models import GenerationJob, State
from apps.generations.outcomes import outcome_of
from apps.generations.publisher import About, Ended
from apps.generations.said import Said
from engine.remote.addresses import AddressRules
from engine.types import FinishEvent, FinishReason, Usage
from tests.engine.faulty_server import HEAD, chunk, faulty, then_hangs
from tests.generations.conftest import Paint, Submit
from tests.generations.scripted import ScriptedEngine, ended, expected, running_worker
from tests.generations.upstreams import far_model, upstream_worker
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def loopback_is_allowed(settings: Any) -> None:
    settings.UPSTREAM_ADDRESSES = AddressRules.parse(["127.0.0.0/8"])


def assert_the_limit_ended(job: GenerationJob, outcome: str) -> None:
    """And no person: the audit log says so."""
    event = AuditEvent.objects.filter(target_id=job.pk).latest("pk")
    assert (event.action, event.outcome, event.actor_id) == ("generation.timed_out", outcome, "")
    assert event.details["error_code"] == "deadline"


def test_an_answer_ends_there_and_keeps_what_was_written(submit: Submit, model: HostedModel) -> None:
    set_longest_time(actor=None, model=model, seconds=1)
    with running_worker(ScriptedEngine(pace=0.05)):
        job = ended(submit(max_tokens=400))
    assert (job.state, job.finish_reason, job.error_code) == (State.CANCELLED, "cancelled", "deadline")
    assert job.error_message == (
        "It took longer than the 1 s that an answer of this model may take. What was written by then is kept."
    )
    assert 0 < job.completion_tokens < 400
    assert job.output == expected(job, job.completion_tokens)
    assert_the_limit_ended(job, "allowed")


def test_an_answer_that_never_began_has_failed(submit: Submit, model: HostedModel) -> None:
    set_longest_time(actor=None, model=model, seconds=1)
    engine = ScriptedEngine()
    engine.frozen.set()
    with running_worker(engine):
        job = ended(submit())
    assert (job.state, job.error_code, job.output) == (State.FAILED, "deadline", "")
    assert "the 1 s that one of this model may take, and nothing was written by then" in job.error_message
    assert_the_limit_ended(job, "failed")


def test_a_picture_too(paint: Paint, painter: HostedModel) -> None:
    set_longest_time(actor=None, model=painter, seconds=1)
    with running_worker(ScriptedEngine(pace=0.4)):
        job = ended(paint(steps=20)[0])
    assert (job.state, job.error_code) == (State.FAILED, "deadline")
    assert "This picture took longer than the 1 s" in job.error_message
    assert 0 < job.steps < 20


def test_a_picture_whose_turn_did_not_come_is_not_blamed() -> None:
    event = FinishEvent("one", FinishReason.ERROR, Usage(device_ms=0.0), "deadline", "Too late.")
    ended = Ended(Held("one", 1), event, Said(), about=About(makes_picture=True, longest_seconds=1))
    assert "Other pictures of this model were drawn first" in outcome_of(ended, None, {}).error_message


def test_on_another_server_too(world: World) -> None:
    def ask() -> GenerationJob:
        asked = [{"role": "user", "content": "Tell me a story"}]
        return submit_generation(
            actor=world.editor,
            project=world.project,
            model=HostedModel.objects.get(pk="far"),
            messages=asked,
            params={},
        )

    with faulty(then_hangs(HEAD, chunk("Once upon")), then_hangs(HEAD)) as server, upstream_worker():
        set_longest_time(actor=None, model=far_model(server.url), seconds=1)
        begun, silent = ended(ask()), ended(ask())
        assert all(each.closed.wait(60) for each in server.connections)
    assert (begun.state, begun.error_code, begun.output) == (State.CANCELLED, "deadline", "Once upon")
    assert (silent.state, silent.error_code, silent.output) == (State.FAILED, "deadline", "")


def test_without_a_limit_none_is_passed_on(submit: Submit, engine: ScriptedEngine, worker: Any) -> None:
    assert ended(submit(max_tokens=2)).state == State.SUCCEEDED
    assert engine.requests[0].deadline_seconds is None
