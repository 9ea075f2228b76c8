"""Receipts, and making a result again: the same, nearly the same, another, and what was different about the making."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel, ModelVersion
from apps.generations.actions import wipe_content
from apps.generations.artifact_actions import delete_artifacts
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob, State
from apps.generations.receipts import first_difference, psnr
from apps.generations.reproducing import reproduce
from apps.projects.models import Membership, Role
from engine.store import ModelStore
from tests.generations.conftest import Paint, Submit
from tests.generations.models import install_tiny
from tests.generations.pictures import picture, png_of
from tests.generations.scripted import ScriptedEngine, ended, running_worker
from tests.world import World


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path, tiny_store: tuple[Path, str]) -> None:
    settings.ARTIFACT_STORE = tmp_path / "artifacts"


@pytest.fixture(scope="session")
def weights(tiny_store: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """In the store, and loaded by nobody here."""
    return install_tiny(tiny_store[0], tmp_path_factory.mktemp("weights"), intermediate_size=48)


@pytest.fixture
def painter(painter: HostedModel, weights: str) -> HostedModel:
    ModelVersion.objects.filter(hosted_model=painter).update(digest=weights)
    painter.refresh_from_db()
    return painter


def page_of(world: World, job: GenerationJob, person: str = "editor", *, as_json: bool = False) -> Any:
    client = Client()
    client.force_login(world.person(person))
    response = client.get(reverse("job_receipt_json" if as_json else "job_receipt", args=[job.pk]))
    return response.json() if as_json and response.status_code == 200 else response


def test_the_same_picture_again(paint: Paint, world: World, worker: Any) -> None:
    first = ended(paint(count=2, seed=3)[1])
    again = reproduce(actor=world.editor, job=first)
    assert {name: again.params[name] for name in again.params if name != "reproduces"} == {
        name: first.params[name] for name in first.params if name != "batch"
    }
    assert again.params["reproduces"] == first.pk
    assert AuditEvent.objects.get(action="generation.submitted", target_id=again.pk).details["reproduces"] == first.pk
    again = ended(again)
    assert again.receipt["reproduction"] == {"of": first.pk, "verdict": "bit-exact", "differs": {}}
    assert again.artifact.pixels_sha256 == first.artifact.pixels_sha256
    html = page_of(world, again).content.decode()
    assert "The same picture, to the last bit." in html
    told = page_of(world, first, as_json=True)
    assert told["parameters"]["prompt"] == "a red apple"
    assert told["made_with"]["model"] == first.model_version.digest
    assert [(each["job"], each["verdict"]) for each in told["reproductions"]] == [(again.pk, "bit-exact")]


@pytest.mark.parametrize(("hue", "verdict"), [(1, "different"), (0, "bit-exact")])
def test_another_device_is_named_and_another_picture_measured(
    paint: Paint, world: World, engine: ScriptedEngine, transactional_db: None, hue: int, verdict: str
) -> None:
    (job,) = paint()
    with running_worker(engine):
        first = ended(job)
        engine.made_with, engine.hue = engine.made_with | {"device": "cuda", "torch": "3"}, hue
        again = ended(reproduce(actor=world.editor, job=first))
    told = again.receipt["reproduction"]
    assert told["verdict"] == verdict
    assert told["differs"] == {"device": ["none", "cuda"], "torch": ["", "3"]}
    if hue:
        assert 0 < told["psnr"] < 40
        assert f"{told['psnr']} dB" in page_of(world, again).content.decode()


def test_how_far_pictures_and_texts_are_apart() -> None:
    one = picture(1)
    nearly = one.point(lambda value: value ^ 1)
    assert psnr(png_of(one), png_of(one)) == 100
    assert psnr(png_of(one), png_of(nearly)) == pytest.approx(48.13, abs=0.01)
    assert psnr(png_of(one), png_of(picture(2))) < 20
    assert psnr(png_of(one), png_of(picture(1, 32))) == 0
    assert first_difference("abcd", "abxd") == 2
    assert first_difference("abc", "abcd") == 3


def test_the_same_text_again_and_another_one(
    submit: Submit, world: World, engine: ScriptedEngine, transactional_db: None
) -> None:
    job = submit("A secret question", max_tokens=12, seed=9)
    with running_worker(engine):
        first = ended(job)
        again = ended(reproduce(actor=world.editor, job=first))
        GenerationJob.objects.filter(pk=first.pk).update(output=first.output[:5] + "*" + first.output[6:])
        other = ended(reproduce(actor=world.editor, job=first))
    assert (again.output, again.prompt_tokens) == (first.output, first.prompt_tokens)
    assert again.receipt["reproduction"] == {"of": first.pk, "verdict": "bit-exact", "differs": {}}
    assert other.receipt["reproduction"]["verdict"] == "different"
    assert other.receipt["reproduction"]["first_difference"] == 5
    assert "the first 5 characters are the same" in page_of(world, other).content.decode()
    assert "A secret question" in page_of(world, first).content.decode()
    assert "A secret question" not in page_of(world, first, "owner").content.decode()
    assert page_of(world, first, "owner", as_json=True)["asked"]["messages"] is None
    assert page_of(world, first, "stranger").status_code == 404


def test_the_very_weights_are_used_whatever_is_in_use_now(paint: Paint, world: World, worker: Any) -> None:
    first = ended(paint()[0])
    model = first.model_version.hosted_model
    newer = ModelVersion.objects.create(
        hosted_model=model,
        digest="f" * 64,
        source="path:newer",
        size_bytes=1,
        license_id="CC0-1.0",
        architecture="X",
        context_length=77,
    )
    HostedModel.objects.filter(pk=model.pk).update(default_version=newer)
    assert reproduce(actor=world.editor, job=first).model_version == first.model_version


def test_what_can_not_be_made_again_is_said(
    paint: Paint, submit: Submit, world: World, worker: Any, settings: Any, tmp_path: Path
) -> None:
    waiting = GenerationJob.objects.create(
        project=world.project, user=world.editor, model_version=ended(paint()[0]).model_version, state=State.FAILED
    )
    gone, wiped, text = ended(paint()[0]), ended(paint()[0]), ended(submit(max_tokens=3))
    delete_artifacts(actor=world.editor, project=world.project, artifacts=[gone.artifact])
    wipe_content([wiped.pk])
    for job, actor, words in (
        (waiting, world.editor, "made to its end"),
        (gone, world.editor, "This picture was deleted"),
        (GenerationJob.objects.get(pk=wiped.pk), world.editor, "This picture was deleted"),
        (text, world.owner, "Only who asked"),
        (ended(paint()[0]), world.viewer, "Viewers of"),
    ):
        with pytest.raises(Refused, match=words):
            reproduce(actor=actor, job=job)
    kept = ended(paint()[0])
    settings.MODEL_STORE = tmp_path / "empty"
    assert list(ModelStore(settings.MODEL_STORE).manifests()) == []
    with pytest.raises(Refused, match="weights that this was made with are gone"):
        reproduce(actor=world.editor, job=kept)


def test_a_first_one_that_is_erased_meanwhile_is_a_verdict_too(
    paint: Paint, world: World, engine: ScriptedEngine, transactional_db: None
) -> None:
    (job,) = paint()
    with running_worker(engine):
        first = ended(job)
        engine.pace = 0.05
        again = reproduce(actor=world.editor, job=first)
        wipe_content([first.pk])
        again = ended(again)
    assert again.receipt["reproduction"] == {"of": first.pk, "differs": {}, "verdict": "unknown"}
    assert "deleted meanwhile" in page_of(world, again).content.decode()


def test_over_http(paint: Paint, world: World, worker: Any) -> None:
    first = ended(paint()[0])
    client = Client()
    client.force_login(world.editor)
    address = reverse("job_reproduce", args=[first.pk])
    told = client.post(address, headers={"Accept": "application/json"})
    assert told.status_code == 202
    assert told.json()["receipt"] == reverse("job_receipt", args=[told.json()["job"]])
    assert client.post(address).status_code == 302
    Membership.objects.filter(user=world.editor).update(role=Role.VIEWER)
    refused = client.post(address, headers={"Accept": "application/json"})
    assert refused.status_code == 403
    assert "Reproduce" not in page_of(world, first).content.decode()
