"""How soon each model could begin, as people who choose one are told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.catalog.models import HostedModel, ModelState, WeightsKind
from apps.generations.load_times import keep_load_times
from apps.generations.models import Worker
from apps.generations.presence import announce
from apps.generations.readiness import Stage, readiness_of
from engine.load_times import LoadTimes
from tests.conversations.build import make_conversation
from tests.generations.models import hosted
from tests.generations.scripted import ScriptedEngine, running_worker, until
from tests.prompts.build import write
from tests.world import World


def told(model: HostedModel) -> str:
    return readiness_of([model])[model.pk].words


def measure(device: str, digest: str, seconds: float) -> None:
    times = LoadTimes()
    times.took(digest, 500, seconds)
    keep_load_times(device, times)


def digest_of(model: HostedModel) -> str:
    assert model.default_version is not None
    return model.default_version.digest


def test_only_what_workers_said_and_measured_is_told(model: HostedModel) -> None:
    assert told(model) == "No worker serves it now"
    announce("other", device="cpu", slots=1, loaded=[digest_of(model)], serves=["another"])
    assert told(model) == "No worker serves it now"
    announce("slow", device="cpu", slots=1, loaded=[], serves=[model.pk])
    assert told(model) == "Has to be loaded"
    measure("cuda:9", digest_of(model), 3)
    assert told(model) == "Has to be loaded", "no worker has such a device"
    measure("cpu", digest_of(model), 41.6)
    assert told(model) == "Loads in about 42 s"
    announce("fast", device="cuda:0", slots=1, loaded=[], serves=[model.pk])
    measure("cuda:0", digest_of(model), 12.2)
    assert told(model) == "Loads in about 12 s"
    announce("fast", device="cuda:0", slots=1, loaded=[], loading=[digest_of(model)], serves=[model.pk])
    assert told(model) == "Loading now"
    announce("slow", device="cpu", slots=1, loaded=[digest_of(model)], serves=[model.pk])
    assert told(model) == "Ready"
    Worker.objects.update(last_seen=Now() - timedelta(minutes=5))
    assert told(model) == "No worker serves it now"


def test_adapters_and_rounded_weights_go_by_what_is_loaded_for_them(model: HostedModel) -> None:
    adapter = hosted("0" * 64, "adapted")
    assert adapter.default_version is not None
    assert model.default_version is not None
    adapter.default_version.base = model.default_version
    adapter.default_version.save()
    announce("w", device="cpu", slots=1, loaded=[digest_of(model)], serves=[model.pk, adapter.pk])
    assert [told(each) for each in (model, adapter)] == ["Ready", "Ready"]
    model.default_version.weights = WeightsKind.INT8
    model.default_version.save()
    assert [told(each) for each in (model, adapter)] == ["Has to be loaded", "Has to be loaded"]
    announce("w", device="cpu", slots=1, loaded=[f"{digest_of(model)}@int8"], serves=[model.pk, adapter.pk])
    assert [told(each) for each in (model, adapter)] == ["Ready", "Ready"]


def test_of_another_server_s_model_nobody_claims_to_know_and_of_what_is_off_nothing_is_said(
    model: HostedModel,
) -> None:
    assert model.default_version is not None
    announce("w", device="other servers", slots=1, loaded=[], serves=[model.pk])
    model.default_version.source = "upstream:ours"
    assert readiness_of([model])[model.pk].stage == Stage.ELSEWHERE
    model.state = ModelState.RETIRED
    assert readiness_of([model]) == {}
    model.state, model.is_enabled = ModelState.APPROVED, False
    assert readiness_of([model]) == {}


@pytest.fixture
def editor(world: World, client: Client) -> Client:
    client.force_login(world.editor)
    return client


def test_wherever_a_model_is_chosen_it_is_told(
    model: HostedModel, painter: HostedModel, world: World, editor: Client
) -> None:
    assert "No worker serves it now" in editor.get(f"/p/{world.project.pk}/studio/").content.decode()
    announce("w", device="cpu", slots=1, loaded=[], serves=[model.pk])
    measure("cpu", digest_of(model), 12.4)
    conversation = make_conversation(world.project, world.owner, model, "Tides")
    prompt = write(world.owner)
    for path in (
        "/models/", f"/models/{model.pk}/", f"/c/{conversation.pk}/", f"/c/{conversation.pk}/models/",
        f"/prompts/{prompt.pk}/", f"/prompts/models.json?project={world.project.pk}",
    ):  # fmt: skip
        assert "Loads in about 12 s" in editor.get(path).content.decode(), path
    announce("w", device="cpu", slots=1, loaded=[digest_of(model)], serves=[model.pk])
    found = editor.get(f"/c/{conversation.pk}/models/").json()["models"][-1]["readiness"]
    assert (found["stage"], found["words"]) == ("ready", "Ready")


def test_many_models_and_workers_take_as_many_queries_as_one(model: HostedModel, editor: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert editor.get("/models/").status_code == 200
        return len(queries)

    announce("w", device="cpu", slots=1, loaded=[], serves=[model.pk])
    editor.get("/models/")
    few = count()
    for number in range(12):
        more = hosted(f"{number:064}", f"more-{number}")
        assert more.default_version is not None
        more.default_version.base = model.default_version
        more.default_version.save()
        announce(f"w{number}", device="cpu", slots=1, loaded=[], serves=[more.pk])
        measure("cpu", digest_of(more), number)
    assert count() == few


def test_a_worker_tells_what_it_loads(transactional_db: None, model: HostedModel, engine: ScriptedEngine) -> None:
    engine.loads = (digest_of(model),)
    with running_worker(engine):
        until(lambda: Worker.objects.filter(loading=[digest_of(model)]).exists())
