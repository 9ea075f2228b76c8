"""A worker that is killed half-way through a picture: another one finishes it from the checkpoint, to the last pixel as
if nothing had happened; texts and pictures are made by one worker."""

from __future__ import annotations

import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from apps.catalog.models import HostedModel
from apps.generations.actions import submit_generation
from apps.generations.image_actions import submit_image
from apps.generations.log import newest_preview
from apps.generations.models import Artifact, Checkpoint, GenerationJob, State
from apps.generations.picture_store import path_of
from apps.generations.replay import said_in_log
from apps.generations.reproducing import reproduce
from apps.lib.redis import sync_client
from apps.quotas.models import LedgerEntry
from engine.pictures import pixels_sha256
from tests.engine.image.tiny import make_pipeline
from tests.engine.tiny import make_checkpoint
from tests.faults.processes import WorkerProcess
from tests.generations.scripted import ended, until
from tests.world import World

pytestmark = [pytest.mark.faults, pytest.mark.timeout(800)]
STEPS, SIDE = 150, 96
"""So many steps of so large a picture take long enough to be seen half-way."""
Start = Callable[..., WorkerProcess]


@pytest.fixture
def painter(transactional_db: None, tmp_path: Path, settings: Any) -> HostedModel:
    settings.MODEL_STORE, settings.ARTIFACT_STORE = tmp_path / "store", tmp_path / "artifacts"
    sync_client().flushdb()
    unet = make_pipeline(tmp_path / "painter", "stable-diffusion") / "unet" / "config.json"
    unet.write_text(json.dumps(json.loads(unet.read_text()) | {"sample_size": SIDE // 2}))
    make_checkpoint(tmp_path / "writer", "Llama")
    for name in ("painter", "writer"):
        call_command("models", "install", f"path:{tmp_path / name}", "--grant-everyone", stdout=StringIO())
    return HostedModel.objects.get(pk="painter")


def steps_of(job: GenerationJob) -> int:
    return said_in_log(sync_client(), job.pk, GenerationJob.objects.get(pk=job.pk).attempt).steps


def half_done(job: GenerationJob) -> bool:
    """And something is kept to go on from."""
    now = GenerationJob.objects.get(pk=job.pk)
    assert not now.is_terminal, f"it ended before it could be interrupted: {now.state} {now.error_message}"
    return steps_of(job) >= STEPS // 2 and Checkpoint.objects.filter(job=job).exists()


def test_killed_half_way_it_is_finished_from_the_checkpoint(start: Start, world: World, painter: HostedModel) -> None:
    params = {"prompt": "a red apple", "steps": STEPS, "seed": 7}
    (job,) = submit_image(actor=world.editor, project=world.project, model=painter, params=params)
    worker = start(ENGINE_CHECKPOINT_SECONDS="0").ready(240)
    until(lambda: half_done(job), 240)
    worker.kill()
    saved = Checkpoint.objects.get(job=job).step
    assert 0 < saved < STEPS
    start().ready(240)
    done = ended(job, 240)
    assert (done.state, done.attempt, done.lost_attempts) == (State.SUCCEEDED, 2, 1), done.error_message
    assert done.steps == STEPS - saved, "it went on from the checkpoint"
    assert not Checkpoint.objects.exists()
    again = ended(reproduce(actor=world.editor, job=done), 240)
    assert again.steps == STEPS, "nobody interrupted this one"
    assert again.receipt["reproduction"] == {"of": job.pk, "verdict": "bit-exact", "differs": {}}
    files = [path_of(artifact.pk).read_bytes() for artifact in Artifact.objects.all()]
    assert len(files) == 2
    assert pixels_sha256(files[0]) == pixels_sha256(files[1]) == done.artifact.pixels_sha256


def test_one_worker_makes_texts_and_pictures(start: Start, world: World, painter: HostedModel) -> None:
    pictures = submit_image(
        actor=world.editor, project=world.project, model=painter, params={"prompt": "a blue car", "seed": 1}, count=2
    )
    text = submit_generation(
        actor=world.owner,
        project=world.project,
        model=HostedModel.objects.get(pk="writer"),
        messages=[{"role": "user", "content": "Say something"}],
        params={"max_tokens": 20, "temperature": 0},
    )
    worker = start().ready(240)
    jobs = [ended(job, 240) for job in (*pictures, text)]
    assert [job.state for job in jobs] == [State.SUCCEEDED] * 3, [job.error_message for job in jobs]
    assert {job.worker_id for job in jobs} == {worker.id}
    assert {job.receipt["model"] for job in jobs} == {job.model_version.engine_key for job in jobs}
    assert all(job.receipt["device"] and job.receipt["torch"] for job in jobs)
    assert jobs[0].artifact.pixels_sha256 != jobs[1].artifact.pixels_sha256
    assert newest_preview(sync_client(), jobs[0].pk) is not None
    settled = LedgerEntry.objects.filter(kind="settle", images=1)
    assert {entry.job_id for entry in settled} == {job.pk for job in pictures}
    assert all(entry.device_ms > 0 for entry in settled)
