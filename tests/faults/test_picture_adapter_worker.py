"""From `models install` to the picture and its receipt: the worker that serves a base draws with what stands on it."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from PIL import Image

from apps.catalog.models import HostedModel, ModelVersion
from apps.generations.image_actions import submit_image
from apps.generations.models import GenerationJob, State, Worker
from apps.generations.picture_store import path_of
from apps.generations.reproducing import reproduce
from apps.lib.redis import sync_client
from apps.quotas.models import LedgerEntry
from tests.engine.image.drawing import far_apart, params
from tests.engine.image.loras import make_lora, merge
from tests.engine.image.test_equality import SLACK, by_diffusers
from tests.engine.image.tiny import make_pipeline
from tests.faults.processes import WorkerProcess
from tests.generations.scripted import ended
from tests.world import World

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]
NAMES = ("painter", "ink", "oil")


@pytest.fixture
def merged(transactional_db: None, tmp_path: Path, settings: Any) -> dict[str, Path]:
    """Installed are a base and two adapters; here are the weights that each one amounts to."""
    settings.MODEL_STORE, settings.ARTIFACT_STORE = tmp_path / "store", tmp_path / "artifacts"
    sync_client().flushdb()
    base = make_pipeline(tmp_path / "painter", "stable-diffusion")
    folders = {"painter": base}
    call_command("models", "install", f"path:{base}", "--grant-everyone", stdout=StringIO())
    for seed, name in enumerate(NAMES[1:]):
        lora = make_lora(tmp_path / name, base, seed=seed)
        call_command("models", "install", f"path:{lora}", "--base", "painter", "--grant-everyone", stdout=StringIO())
        folders[name] = merge(base, lora, tmp_path / f"merged-{name}")
    return folders


def test_pictures_of_a_base_and_of_its_adapters(
    start: Callable[..., WorkerProcess], world: World, merged: dict[str, Path]
) -> None:
    client = Client()
    client.force_login(world.editor)
    told = client.get(reverse("studio_models", args=[world.project.pk])).json()["models"]
    assert sorted(model["id"] for model in told) == sorted(NAMES)
    offered = {
        json.dumps([each for each in model["parameters"] if each["name"] != "adapter_strength"]) for model in told
    }
    assert len(offered) == 1, "they can do what their base can"
    wanted = params(steps=4, guidance=5.0)
    asked = {"prompt": wanted.prompt, "steps": wanted.steps, "guidance": wanted.guidance, "seed": wanted.seed}
    jobs = {
        name: submit_image(
            actor=world.editor, project=world.project, model=HostedModel.objects.get(pk=name), params=asked
        )[0]
        for name in NAMES
    }
    worker = start(WORKER_MODELS="painter", ENGINE_DTYPE="float32").ready(240)
    assert Worker.objects.get(pk=worker.id).serves == sorted(NAMES)
    base = ModelVersion.objects.get(hosted_model="painter")
    for name, job in jobs.items():
        done = ended(job, 240)
        assert done.state == State.SUCCEEDED, done.error_message
        assert far_apart(pixels_of(done), by_diffusers(merged[name], wanted)) <= SLACK
        assert done.receipt["model"] == base.digest
        assert done.receipt.get("adapter") == (done.model_version.digest if name != "painter" else None)
        assert LedgerEntry.objects.filter(job_id=job.pk, model_id=name, images=1).exists()
    receipt = client.get(reverse("job_receipt_json", args=[jobs["ink"].pk])).json()
    assert receipt["model"]["base"] == base.digest
    assert receipt["made_with"]["adapter"] == receipt["model"]["version"] != base.digest
    again = ended(reproduce(actor=world.editor, job=ended(jobs["ink"])), 240)
    assert again.receipt["reproduction"]["verdict"] in ("bit-exact", "close")
    assert again.receipt["reproduction"]["differs"] == {}
    assert far_apart(pixels_of(again), pixels_of(ended(jobs["ink"]))) <= SLACK


def pixels_of(job: GenerationJob) -> np.ndarray:
    with Image.open(path_of(job.artifact.pk)) as opened:
        return np.array(opened)
