"""What was allowed at submit is asked again: when a job is claimed, and while it runs."""

from __future__ import annotations

from time import monotonic
from typing import Any

import pytest

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.generations import runner as runner_module
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob, State
from apps.governance.actions.grants import create_grant, revoke_grant
from apps.governance.actions.switches import release_switch, throw_switch
from apps.governance.models import Grant, Subject
from apps.projects.models import Membership, Role
from tests.generations.conftest import Submit
from tests.generations.scripted import ScriptedEngine, ended, until
from tests.world import World

PROMPTLY = 5
"""Seconds, on a machine that does something else meanwhile; on an idle one one or two; unstopped it would be eight."""


@pytest.fixture
def grant(world: World, model: HostedModel) -> Grant:
    """The only one for the editor; somebody else keeps one, so that it may be revoked."""
    Grant.objects.all().delete()
    create_grant(actor=world.admin, model=model, whom=world.owner)
    return create_grant(actor=world.admin, model=model, whom=world.editor)


def streaming(submit: Submit, engine: ScriptedEngine) -> GenerationJob:
    """A long job whose engine is writing."""
    engine.pace = 0.02
    job = submit(max_tokens=400)
    until(lambda: any(request.id.startswith(job.pk) for request in engine.requests))
    return job


def test_revoking_stops_a_running_stream_within_seconds_and_refuses_the_next(
    submit: Submit, world: World, grant: Grant, worker: Any, engine: ScriptedEngine
) -> None:
    job = streaming(submit, engine)
    began = monotonic()
    assert revoke_grant(actor=world.admin, grant=grant)
    stopped = ended(job)
    assert monotonic() - began < PROMPTLY
    assert (stopped.state, stopped.finish_reason, stopped.error_code) == (
        State.CANCELLED, "cancelled", "grant_revoked",
    )  # fmt: skip
    assert stopped.error_message == "Your access to Tiny was revoked. You can ask for it again."
    assert 0 < stopped.completion_tokens < 400
    with pytest.raises(Refused) as refusal:
        submit()
    assert (refusal.value.status, refusal.value.code) == (403, "grant_revoked")
    assert "/models/tiny/access/" in refusal.value.details["remedy"]["url"]
    event = AuditEvent.objects.get(action="generation.stopped", target_id=job.pk)
    assert (event.outcome, event.details["code"]) == ("denied", "grant_revoked")
    assert AuditEvent.objects.get(action="generation.cancelled", target_id=job.pk).actor_id == "", "nobody stopped it"


def test_a_lost_word_costs_a_second(
    submit: Submit, grant: Grant, worker: Any, engine: ScriptedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert runner_module.RECHECK_SECONDS <= 1
    job = streaming(submit, engine)
    began = monotonic()
    Grant.objects.filter(pk=grant.pk).delete()  # past every action: nobody is told
    assert ended(job).error_code == "no_grant"
    assert monotonic() - began < PROMPTLY


@pytest.mark.parametrize("whole_site", [True, False])
def test_the_kill_switch_stops_what_runs_with_its_message(
    submit: Submit, world: World, model: HostedModel, worker: Any, engine: ScriptedEngine, whole_site: bool
) -> None:
    job = streaming(submit, engine)
    began = monotonic()
    switch = throw_switch(actor=world.admin, model=None if whole_site else model, message="Smoke in the cellar.")
    stopped = ended(job)
    assert monotonic() - began < PROMPTLY
    assert stopped.error_code == ("site_stopped" if whole_site else "model_stopped")
    assert "Smoke in the cellar." in stopped.error_message
    with pytest.raises(Refused, match="Smoke in the cellar"):
        submit()
    assert release_switch(actor=world.admin, switch=switch)
    assert ended(submit(max_tokens=2)).state == State.SUCCEEDED


def test_what_waited_is_refused_at_its_claim(
    submit: Submit, world: World, grant: Grant, worker: Any, engine: ScriptedEngine
) -> None:
    worker.stop_claiming()
    with worker._claim_lock:  # a look that was under way is over
        pass
    waiting = submit(max_tokens=5)
    revoke_grant(actor=world.admin, grant=grant)
    worker._claiming = True
    worker.wake()
    stopped = ended(waiting)
    assert (stopped.state, stopped.error_code, stopped.output) == (State.CANCELLED, "grant_revoked", "")
    assert engine.requests == []


def test_who_becomes_a_viewer_is_stopped_and_others_go_on(
    submit: Submit, world: World, worker: Any, engine: ScriptedEngine
) -> None:
    job = streaming(submit, engine)
    Membership.objects.filter(user=world.editor).update(role=Role.VIEWER)
    assert ended(job).error_code == "role"
    Membership.objects.filter(user=world.editor).update(role=Role.EDITOR)
    assert ended(submit(max_tokens=2)).state == State.SUCCEEDED


def test_defaults_are_capped_and_choices_refused(submit: Submit, world: World, model: HostedModel) -> None:
    Grant.objects.all().delete()
    create_grant(actor=world.admin, model=model, whom=Subject.EVERYONE, max_params={"max_tokens": 20})
    assert submit().params["max_tokens"] == 20
    assert submit(max_tokens=10).params["max_tokens"] == 10
    with pytest.raises(Refused, match="up to 20 tokens") as refusal:
        submit(max_tokens=21)
    assert refusal.value.code == "over_limit"
