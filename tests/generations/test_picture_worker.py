"""Image jobs through the runner with a scripted engine: one end, one picture, whatever is lost on the way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError

from apps.audit.models import AuditEvent
from apps.generations import checkpoints, finisher
from apps.generations.actions import request_cancel
from apps.generations.checkpoints import checkpoint_for, keep
from apps.generations.claims import Held, claim
from apps.generations.endings import finish
from apps.generations.kept_pictures import keep as keep_file
from apps.generations.log import newest_preview
from apps.generations.models import Artifact, Checkpoint, GenerationJob, State
from apps.generations.outcomes import Outcome
from apps.generations.picture_store import path_of, read
from apps.lib.redis import sync_client
from apps.quotas.models import LedgerEntry
from engine.types import CheckpointEvent, ImageEvent
from tests.generations.conftest import Paint, Submit
from tests.generations.pictures import picture, png_of
from tests.generations.scripted import MADE_WITH, ScriptedEngine, ended, expected, running_worker, until
from tests.generations.scripted_pictures import expected_pixels, pixels_of, preview_of
from tests.generations.test_worker import lose
from tests.world import World


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> Path:
    settings.ARTIFACT_STORE = tmp_path / "artifacts"
    return tmp_path / "artifacts"


def files(store: Path) -> list[str]:
    return sorted(path.name for path in store.rglob("*") if path.is_file())


def running(job: GenerationJob) -> bool:
    return GenerationJob.objects.get(pk=job.pk).state == State.RUNNING


@pytest.fixture
def slow(transactional_db: None) -> Iterator[ScriptedEngine]:
    engine = ScriptedEngine(pace=0.05)
    yield engine
    engine.stop(drain_seconds=0)


def test_a_picture_runs_to_its_end(paint: Paint, worker: Any, world: World, store: Path) -> None:
    job = ended(paint("a red apple", seed=5)[0])
    assert (job.state, job.finish_reason, job.steps, job.device_ms) == (State.SUCCEEDED, "stop", 6, 60.0)
    artifact = job.artifact
    assert (artifact.project, artifact.user, artifact.origin) == (world.project, world.editor, "generated")
    assert artifact.pixels_sha256 == expected_pixels(job)
    png = read(artifact.pk)
    assert png is not None
    assert (artifact.size_bytes, artifact.sha256) == (len(png), hashlib.sha256(png).hexdigest())
    assert job.receipt == {**MADE_WITH, "model": job.model_version.engine_key}
    assert files(store) == [f"{artifact.pk}.png"]
    assert not Checkpoint.objects.exists()
    event = AuditEvent.objects.get(action="generation.succeeded")
    assert event.details["steps"] == 6
    assert "apple" not in str(event.details)
    settled = LedgerEntry.objects.get(kind="settle")
    assert (settled.images, settled.tokens, settled.device_ms) == (1, 0, 60.0)


def test_texts_and_pictures_share_a_worker(submit: Submit, paint: Paint, worker: Any) -> None:
    text, pictures = submit(max_tokens=10), paint(count=3)
    for job in pictures:
        assert ended(job).artifact.pixels_sha256 == expected_pixels(job)
    done = ended(text)
    assert done.output == expected(done)
    assert done.receipt == {**MADE_WITH, "model": done.model_version.engine_key}


def test_a_cancelled_picture_leaves_nothing(paint: Paint, slow: ScriptedEngine, world: World, store: Path) -> None:
    job = paint(steps=100)[0]
    with running_worker(slow):
        until(lambda: Checkpoint.objects.exists())
        request_cancel(actor=world.editor, job=job)
        job = ended(job)
    assert job.state == State.CANCELLED
    assert 0 < job.steps < 100
    assert files(store) == []
    assert not Checkpoint.objects.exists()
    settled = LedgerEntry.objects.get(kind="settle")
    assert (settled.images, settled.device_ms) == (0, job.device_ms)


def test_a_worker_that_is_lost_leaves_its_checkpoint_to_the_next(
    paint: Paint, slow: ScriptedEngine, engine: ScriptedEngine, store: Path
) -> None:
    job = paint(steps=40, seed=3)[0]
    with running_worker(slow, "zombie") as sleeper:
        until(lambda: Checkpoint.objects.filter(step__gte=4).exists())
        slow.frozen.set()
        sleeper.stop_claiming()
        lose(job)
        with running_worker(engine, "fresh"):
            job = ended(job)
        slow.frozen.clear()
    (request,) = engine.requests
    assert request.checkpoint is not None
    resumed = int(request.checkpoint.decode().split()[1])
    assert resumed >= 4
    assert (job.attempt, job.steps, job.worker_id) == (2, 40 - resumed, "fresh")
    assert job.artifact.pixels_sha256 == expected_pixels(job)
    assert files(store) == [f"{job.artifact.pk}.png"]


def test_a_worker_that_stops_leaves_its_checkpoint_as_well(
    paint: Paint, slow: ScriptedEngine, engine: ScriptedEngine
) -> None:
    job = paint(steps=40)[0]
    with running_worker(slow, "first"):
        until(lambda: Checkpoint.objects.filter(step__gte=4).exists())
    with running_worker(engine, "second"):
        job = ended(job)
    assert engine.requests[0].checkpoint is not None
    assert (job.attempt, job.lost_attempts, job.state) == (2, 0, State.SUCCEEDED)


def claimed() -> Held:
    (job,) = claim("a", ("painter",), 1)
    return Held(job.pk, job.attempt)


def checkpoint(step: int) -> CheckpointEvent:
    return CheckpointEvent("x", step, f"step {step}".encode())


def made(seed: int = 1) -> ImageEvent:
    image = picture(seed)
    return ImageEvent("x", png_of(image), *image.size, pixels_of(image))


def test_checkpoints_are_fenced_and_the_newest_wins(paint: Paint) -> None:
    (job,) = paint()
    old = claimed()
    assert keep(old, checkpoint(4))
    assert not keep(old, checkpoint(2)), "an older step"
    lose(job)
    assert not keep(old, checkpoint(6)), "nobody holds it"
    new = claimed()
    job.refresh_from_db()
    assert checkpoint_for(job) == b"step 4"
    assert not keep(old, checkpoint(6)), "another attempt holds it"
    assert keep(new, checkpoint(5))
    job.refresh_from_db()
    assert checkpoint_for(job) is None, "its own is no earlier one's"
    assert finish(new, Outcome(State.SUCCEEDED, "", "stop", 0)) is not None
    assert not Checkpoint.objects.exists()
    assert not keep(new, checkpoint(6)), "it has ended"


def test_negative_control_without_the_fence_a_lost_attempt_would_write(
    paint: Paint, monkeypatch: pytest.MonkeyPatch
) -> None:
    (job,) = paint()
    old = claimed()
    lose(job)
    claimed()
    unfenced = checkpoints.KEEP.replace("AND attempt = %(attempt)s AND state = 'running'", "")
    monkeypatch.setattr(checkpoints, "KEEP", unfenced)
    assert keep(old, checkpoint(6))


def test_a_picture_of_a_lost_attempt_is_not_kept(paint: Paint, store: Path) -> None:
    (job,) = paint()
    old = claimed()
    lose(job)
    new = claimed()
    first, second = keep_file(made(1)), keep_file(made(2))
    assert finish(old, Outcome(State.SUCCEEDED, "", "stop", 0, picture=first)) is None
    assert not Artifact.objects.exists()
    assert finish(new, Outcome(State.SUCCEEDED, "", "stop", 0, picture=second)) is not None
    assert finish(new, Outcome(State.SUCCEEDED, "", "stop", 0, picture=first)) is None, "one end, one picture"
    assert Artifact.objects.get().pk == second.artifact_id


def test_a_slow_database_holds_up_neither_steps_nor_events(
    paint: Paint, engine: ScriptedEngine, transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from threading import Event

    stuck, reached = Event(), Event()

    def waits(*_: Any) -> bool:
        reached.set()
        stuck.wait(20)
        return False

    monkeypatch.setattr(checkpoints, "keep", waits)
    (job,) = paint(steps=50)
    with running_worker(engine):
        job = ended(job)
        assert reached.is_set()
        assert job.state == State.SUCCEEDED
        stuck.set()


def test_a_file_whose_row_was_not_written_goes(
    paint: Paint, slow: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    slow.pace = 0.001
    real, tried = finisher.finish, []

    def broken(held: Held, outcome: Outcome) -> Any:
        tried.append(files(store))
        if len(tried) < 3:
            raise OperationalError("the connection is lost")
        GenerationJob.objects.filter(pk=held.job).update(attempt=9)
        return real(held, outcome)

    monkeypatch.setattr(finisher, "finish", broken)
    paint()
    with running_worker(slow):
        until(lambda: len(tried) == 3)
        until(lambda: not files(store))
    assert all(len(names) == 1 for names in tried), "one file, written once, kept while it is tried"
    assert not Artifact.objects.exists()


def test_a_file_stays_where_the_commit_came_through_although_the_connection_broke(
    paint: Paint, slow: ScriptedEngine, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    slow.pace = 0.001
    real, tried = finisher.finish, []

    def broken(held: Held, outcome: Outcome) -> Any:
        tried.append(held)
        done = real(held, outcome)
        if len(tried) == 1:
            raise OperationalError("the connection broke while the commit was confirmed")
        return done

    monkeypatch.setattr(finisher, "finish", broken)
    (job,) = paint()
    with running_worker(slow) as runner:
        ended(job)
        until(lambda: len(tried) == 2)
        until(lambda: not runner._leases.busy())
    artifact = Artifact.objects.get()
    assert files(store) == [path_of(artifact.pk).name]


def test_a_full_disk_is_a_failure_in_words(
    paint: Paint, worker: Any, monkeypatch: pytest.MonkeyPatch, store: Path
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("apps.generations.kept_pictures.write", full)
    job = ended(paint()[0])
    assert (job.state, job.error_code) == (State.FAILED, "storage")
    assert "No space left on device" in job.error_message
    assert not Artifact.objects.exists()


def test_a_source_that_was_erased_meanwhile_is_a_failure_in_words(
    paint: Paint, engine: ScriptedEngine, transactional_db: None, world: World
) -> None:
    from tests.generations.test_submit_image import uploaded

    source = uploaded(world.project)
    (job,) = paint(source=source.pk)
    with running_worker(engine):
        job = ended(job)
    assert (job.state, job.error_code) == (State.FAILED, "bad_request")
    assert "was erased" in job.error_message
    assert engine.requests == []


def test_source_and_mask_reach_the_engine(
    paint: Paint, engine: ScriptedEngine, transactional_db: None, world: World
) -> None:
    kept = keep_file(made())
    kept.row(project_id=world.project.pk, user_id=None, job_id=None, origin="uploaded").save()
    (job,) = paint(source=kept.artifact_id, mask=kept.artifact_id, strength=0.5)
    with running_worker(engine):
        ended(job)
    (request,) = engine.requests
    assert request.source == made().png
    assert request.mask is not None
    assert request.params.strength == 0.5


def test_the_newest_preview_is_in_one_key(paint: Paint, slow: ScriptedEngine) -> None:
    (job,) = paint(steps=60, seed=1)
    with running_worker(slow):
        until(lambda: newest_preview(sync_client(), job.pk) is not None)
        slow.frozen.set()
        found = newest_preview(sync_client(), job.pk)
        assert found in [preview_of(1, step) for step in range(2, 61)]
        assert 0 < sync_client().ttl(f"generation:{{{job.pk}}}:preview") <= 3600
        slow.frozen.clear()


def test_a_picture_that_fails_is_booked_as_device_time_and_not_as_a_picture(paint: Paint) -> None:
    (job,) = paint()
    outcome = Outcome(State.FAILED, "", "error", 0, error_code="non_finite", device_ms=250.0, steps=2)
    assert finish(claimed(), outcome) is not None
    booked = LedgerEntry.objects.get(kind="settle", job_id=job.pk)
    assert (booked.images, booked.device_ms) == (0, 250.0)


def test_a_picture_whose_worker_is_lost_for_good_is_booked_by_the_steps_that_were_seen(
    paint: Paint, slow: ScriptedEngine, settings: Any
) -> None:
    done = paint()[0]
    GenerationJob.objects.filter(pk=done.pk).update(state=State.SUCCEEDED, steps=6, device_ms=600.0)
    settings.MAX_ATTEMPTS = 1
    (job,) = paint(steps=60)
    with running_worker(slow) as sleeper:
        until(lambda: newest_preview(sync_client(), job.pk) is not None)
        slow.frozen.set()
        sleeper.stop_claiming()
        lose(job)
        slow.frozen.clear()
    job.refresh_from_db()
    assert (job.state, job.error_code) == (State.FAILED, "worker_lost")
    assert "made this picture" in job.error_message
    assert job.steps > 0
    assert LedgerEntry.objects.get(kind="settle", job_id=job.pk).device_ms == pytest.approx(100.0 * job.steps)
