from __future__ import annotations

import pytest
from django.test import Client

from apps.accounts.deletion import run_hooks
from apps.accounts.export import export_of
from apps.generations.models import GenerationJob, State
from apps.generations.queue import position, tokens_per_second, unfinished_by_model, usage_of
from tests.generations.conftest import Submit
from tests.world import World


@pytest.mark.parametrize(
    ("person", "status"), [("owner", 202), ("editor", 202), ("viewer", 403), ("stranger", 404), ("admin", 404)]
)
def test_who_may_stop_a_generation(submit: Submit, world: World, client: Client, person: str, status: int) -> None:
    job = submit()
    client.force_login(world.person(person))
    answer = client.post(f"/jobs/{job.pk}/cancel/")
    assert answer.status_code == status
    job.refresh_from_db()
    assert job.state == (State.CANCELLED if status == 202 else State.QUEUED)
    if status != 202:
        assert answer.json()["error"]["message"].endswith(".")


def test_signed_out_unknown_and_wrong_method(submit: Submit, world: World, client: Client) -> None:
    job = submit()
    assert client.post(f"/jobs/{job.pk}/cancel/").status_code == 401
    client.force_login(world.editor)
    assert client.post("/jobs/nothing/cancel/").status_code == 404
    assert client.post("/jobs/%00/cancel/").status_code == 404
    assert client.get(f"/jobs/{job.pk}/cancel/").status_code == 405


def test_stopping_twice_is_no_mistake(submit: Submit, world: World, client: Client) -> None:
    job = submit()
    client.force_login(world.editor)
    assert client.post(f"/jobs/{job.pk}/cancel/").json() == {"job": job.pk, "stopped": True}
    assert client.post(f"/jobs/{job.pk}/cancel/").json() == {"job": job.pk, "stopped": False}


def test_places_in_the_queue(submit: Submit) -> None:
    jobs = [submit() for _ in range(3)]
    assert [position(job) for job in jobs] == [1, 2, 3]
    assert unfinished_by_model() == {("tiny", "queued"): 3}


def test_usage_is_what_was_measured() -> None:
    job = GenerationJob(prompt_tokens=5, completion_tokens=11, decode_ms=500.04, ttft_ms=12.345, device_ms=250.06)
    assert usage_of(job) == {
        "prompt_tokens": 5,
        "completion_tokens": 11,
        "reasoning_tokens": 0,
        "queue_ms": None,
        "ttft_ms": 12.3,
        "decode_ms": 500.0,
        "reasoning_ms": None,
        "device_ms": 250.1,
        "tokens_per_second": 20.0,
        "estimated": False,
    }
    assert tokens_per_second(GenerationJob(completion_tokens=1, decode_ms=0.0)) is None


def test_people_take_their_generations_with_them(submit: Submit, world: World) -> None:
    submit("to be exported")
    assert b"generations.json" in export_of(world.editor)


def test_deleting_an_account_stops_what_it_still_waits_for(submit: Submit, world: World) -> None:
    job = submit()
    run_hooks(world.editor)
    job.refresh_from_db()
    assert job.state == State.CANCELLED
