"""Followers of a picture: progress in order, the newest preview whenever they come, and its end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from apps.generations import log, replay
from apps.generations.claims import Held
from apps.generations.log import Answer, LogWriter, newest_preview
from apps.generations.models import GenerationJob
from apps.generations.transcript import Transcript
from apps.lib.redis import async_client, sync_client
from engine.types import ProgressEvent
from tests.generations.conftest import Paint
from tests.generations.reader import Reader
from tests.generations.scripted import ScriptedEngine, running_worker
from tests.generations.scripted_pictures import preview_of
from tests.generations.test_stream import finished, until

pytestmark = pytest.mark.django_db(transaction=True)
in_thread = sync_to_async(thread_sensitive=True)


@pytest.fixture(autouse=True)
def store(settings: Any, tmp_path: Path) -> None:
    settings.ARTIFACT_STORE = tmp_path


async def asked(paint: Paint, **params: Any) -> GenerationJob:
    jobs: list[GenerationJob] = await in_thread(paint)(**params)
    return jobs[0]


async def test_from_submit_to_the_picture(paint: Paint, worker: Any) -> None:
    job = await asked(paint, steps=20)
    reader = Reader(job.pk)
    await finished(reader)
    job = await GenerationJob.objects.select_related("artifact").aget(pk=job.pk)
    assert reader.end is not None
    assert reader.end["artifact"] == {"id": job.artifact.pk, "width": 64, "height": 64}
    assert (reader.end["state"], reader.end["usage"]["steps"]) == ("succeeded", 20)
    assert reader.progress[-1] == {"kind": "progress", "step": 20, "steps": 20, "preview": 10020}
    late = Reader(job.pk)
    await finished(late)
    assert late.end == reader.end
    assert late.kinds == ["finish"]


async def test_redis_emptied_in_mid_picture(paint: Paint, engine: ScriptedEngine, worker: Any) -> None:
    engine.pace = 0.02
    job = await asked(paint, steps=100, seed=1)
    reader = Reader(job.pk)
    task = asyncio.create_task(reader.run())
    await until(lambda: len(reader.progress) > 3)
    sync_client().flushall()
    await until(lambda: newest_preview(sync_client(), job.pk) is not None)
    late = Reader(job.pk)
    await finished(late, reader_of(task))
    assert reader.end is not None
    assert reader.end == late.end
    assert reader.end["state"] == "succeeded"


def reader_of(task: asyncio.Task[Reader]) -> Any:
    class Running:
        async def run(self) -> Reader:
            return await task

    return Running()


async def test_another_attempt_goes_on_and_its_previews_are_newer(paint: Paint, engine: ScriptedEngine) -> None:
    slow = ScriptedEngine(pace=0.05)
    job = await asked(paint, steps=40)
    reader = Reader(job.pk)
    task = asyncio.create_task(reader.run())
    with running_worker(slow, "first"):
        await until(lambda: any("preview" in event for event in reader.progress))
        first = reader.progress[-1]
    with running_worker(engine, "second"):
        await asyncio.wait_for(task, 15)
    assert "reset" in reader.kinds
    assert reader.progress[0]["step"] > 1, "from the checkpoint on"
    assert reader.progress[-1]["preview"] > 20000 > first["preview"]


def test_waiting_progress_is_joined_and_the_preview_comes_before_it(transactional_db: None) -> None:
    transcript, writer = Transcript(Held("j", 1)), LogWriter(sync_client())
    for step in range(1, 6):
        transcript.add_progress(ProgressEvent("x", step, 9, preview_of(0, step) if step in {2, 4} else b""))
    batch, preview = transcript.to_write(), transcript.preview()
    assert preview is not None
    assert batch.events == ({"kind": "progress", "step": 5, "steps": 9, "preview": 10004},)
    transcript.add_progress(ProgressEvent("x", 6, 9))
    assert len(batch.events) == 1, "what is on its way doesn't change"
    assert writer.append([batch], [preview]) == [Answer.WRITTEN]
    transcript.written(batch)
    assert newest_preview(sync_client(), "j") == preview_of(0, 4)
    assert transcript.preview() is None, "an unchanged one isn't written again"
    assert transcript.preview(again=True) == preview
    assert writer.append([], [preview._replace(version=5, webp=b"older")]) == []
    assert newest_preview(sync_client(), "j") == preview_of(0, 4), "an older one never replaces it"
    log.erase(sync_client(), "j", 1)
    assert newest_preview(sync_client(), "j") is None
    assert not sync_client().keys("generation:*")


async def test_a_lost_log_goes_on_from_the_newest_progress() -> None:
    transcript, writer = Transcript(Held("j", 1)), LogWriter(sync_client())
    for step in range(1, 4):
        transcript.add_progress(ProgressEvent("x", step, 9))
        batch = transcript.to_write()
        writer.append([batch])
        transcript.written(batch)
    sync_client().flushall()
    transcript.add_progress(ProgressEvent("x", 4, 9))
    batch = transcript.to_write()
    assert writer.append([batch]) == [Answer.HOLE]
    writer.snapshot(transcript.snapshot(), repair=True)
    assert writer.append([batch]) == [Answer.WRITTEN]
    page = await replay.read_after(async_client(), "j", 1, 0)
    assert [(entry.seq, entry.event["step"]) for entry in page.entries] == [(3, 3), (4, 4)]
    said = await in_thread(replay.said_in_log)(sync_client(), "j", 1)
    assert said.steps == 4
