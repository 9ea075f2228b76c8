"""How long a model takes to load, as workers keep it and people hear it; prompts that would wait for too long."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from time import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.catalog.models import HostedModel
from apps.generations import events
from apps.generations.errors import Refused
from apps.generations.load_times import keep_load_times, known_load_times
from apps.generations.models import GenerationJob, LoadTime
from apps.generations.presence import announce
from apps.generations.queue import place_of
from apps.generations.stream import follow
from apps.quotas.ledger import Amount, Measured, write_reservation, write_settlements
from apps.quotas.models import LedgerEntry
from engine.types import LoadingEvent
from tests.generations.conftest import Submit
from tests.generations.models import hosted
from tests.generations.scripted import ScriptedEngine, running_worker
from tests.world import World


def digest_of(model: HostedModel) -> str:
    assert model.default_version is not None
    return model.default_version.digest


def measure(world: World, model: HostedModel, device_ms: float) -> None:
    """As if one job of the model had taken so long."""
    named = {"job_id": "0" * 16, "user_id": world.owner.pk, "project_id": world.project.pk, "model_id": model.pk}
    write_reservation(amount=Amount(10), **named)
    write_settlements([Measured(tokens=10, device_ms=device_ms, **named)])


def test_what_a_worker_measured_is_known_to_the_next(model: HostedModel) -> None:
    first = known_load_times("cpu")
    assert first.expected(digest_of(model)) is None
    first.took(digest_of(model), 500, 4.0)
    first.took("gone", 100, 1.0)
    keep_load_times("cpu", first)
    keep_load_times("cpu", first)
    assert LoadTime.objects.values_list("version__digest", "device", "seconds", "size_bytes").get() == (
        digest_of(model), "cpu", 4.0, 500
    )  # fmt: skip
    again = known_load_times("cpu")
    assert again.expected(digest_of(model)) == 4.0
    assert known_load_times("cuda").expected(digest_of(model)) is None
    again.took(digest_of(model), 500, 2.0)
    keep_load_times("cpu", again)
    assert LoadTime.objects.get().seconds == 3.0


def test_the_start_counts_the_loading_of_a_model_that_no_worker_has(submit: Submit, model: HostedModel) -> None:
    job = submit()
    times = known_load_times("cpu")
    times.took(digest_of(model), 500, 40.0)
    keep_load_times("cpu", times)
    announce("cold", device="cpu", slots=2, loaded=[], serves=[model.pk])
    with CaptureQueriesContext(connection) as queries:
        assert place_of(job).starts_in == 40
    assert len(queries) == 2
    announce("warm", device="cpu", slots=2, loaded=[digest_of(model)], serves=[model.pk])
    assert place_of(job).starts_in == 0


def test_the_start_of_an_adapter_counts_the_loading_of_what_it_stands_on(submit: Submit, model: HostedModel) -> None:
    adapter = hosted("0" * 64, "adapted")
    assert adapter.default_version is not None
    adapter.default_version.base = model.default_version
    adapter.default_version.save()
    job = submit()
    GenerationJob.objects.filter(pk=job.pk).update(model_version=adapter.default_version)
    times = known_load_times("cpu")
    times.took(digest_of(model), 500, 40.0)
    keep_load_times("cpu", times)
    announce("cold", device="cpu", slots=2, loaded=[], serves=[model.pk, adapter.pk])
    assert place_of(GenerationJob.objects.get(pk=job.pk)).starts_in == 40


def test_who_would_wait_for_too_long_is_refused_and_nothing_is_kept(
    submit: Submit, world: World, model: HostedModel, settings: Any
) -> None:
    announce("w", device="cpu", slots=1, loaded=[], serves=[model.pk])
    measure(world, model, 300_000)
    entries = LedgerEntry.objects.count()
    settings.MAX_WAIT_MINUTES = 6
    kept = [submit(), submit()]
    with pytest.raises(Refused) as refusal:
        submit()
    assert (refusal.value.status, refusal.value.code) == (429, "overloaded")
    assert refusal.value.message == (
        f"About 10 min of work are ahead of you on {model.name}, and no more than 6 min may be. "
        "Try again in about 4 min, or choose another model."
    )
    assert set(GenerationJob.objects.all()) == set(kept)
    assert LedgerEntry.objects.count() == entries + len(kept), "nothing is set aside for it"
    settings.MAX_WAIT_MINUTES = 0
    submit()


def test_a_wait_that_nobody_can_tell_is_no_reason_to_refuse(submit: Submit, settings: Any) -> None:
    """Without a worker, and before anything was measured."""
    settings.MAX_WAIT_MINUTES = 1
    for _ in range(5):
        submit()


def test_the_log_keeps_the_moment_and_readers_get_what_is_left() -> None:
    kept = events.loading(LoadingEvent("x", 12.0), 1000.0)
    assert events.as_told_at(kept, 1000.0) == {"kind": "loading", "seconds": 12}
    assert events.as_told_at(kept, 1008.4) == {"kind": "loading", "seconds": 4}
    assert events.as_told_at(kept, 2000.0) == {"kind": "loading", "seconds": 0}
    assert events.as_told_at(events.loading(LoadingEvent("x"), 1.0), 2.0) == {"kind": "loading"}
    waits = events.loading(LoadingEvent("x", None, begun=False), 1.0)
    assert events.as_told_at(waits, 2.0) == {"kind": "loading", "waits": True}
    assert events.as_told_at(dict(events.STARTED), 2.0) == events.STARTED


async def heard(job: str) -> dict[str, Any]:
    """The loading event of a job, as a page gets it that opens now."""
    async with asyncio.timeout(15), aclosing(follow(job)) as messages:
        async for message in messages:
            if message["event"]["kind"] == "loading":
                return dict(message["event"])
    raise AssertionError("nobody said that the model is loading")


async def test_a_page_that_opens_while_it_loads_hears_how_long(
    transactional_db: None, submit: Submit, engine: ScriptedEngine
) -> None:
    """Live, and again from the log after a reload."""
    engine.load_seconds, engine.pace = 3600.0, 0.1
    job = await sync_to_async(submit)(max_tokens=400)
    with running_worker(engine):
        began = time()
        live = await heard(job.pk)
        reloaded = await heard(job.pk)
        passed = time() - began
    for event in (live, reloaded):
        assert 3600 - passed - 2 <= event["seconds"] <= 3600
