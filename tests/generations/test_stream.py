"""Followers read exactly what is stored, whatever was lost between them and the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from statistics import quantiles
from time import monotonic
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from apps.generations import events, log, nudges, replay, stream
from apps.generations.actions import request_cancel, wipe_content
from apps.generations.claims import Held, claim
from apps.generations.endings import Outcome, finish, reap
from apps.generations.log import Answer, Append, LogWriter, Snapshot
from apps.generations.models import GenerationJob, State
from apps.generations.said import Said
from apps.generations.stream import follow
from apps.lib.redis import async_client, sync_client
from tests.generations.conftest import Submit
from tests.generations.reader import Reader
from tests.generations.scripted import ScriptedEngine, expected, running_worker
from tests.generations.test_worker import lose_lease
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
in_thread = sync_to_async(thread_sensitive=True)


async def until_running(job: GenerationJob) -> None:
    async with asyncio.timeout(5):
        while (await GenerationJob.objects.aget(pk=job.pk)).state != State.RUNNING:  # noqa: ASYNC110
            await asyncio.sleep(0.01)


async def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (what is waited for happens in other threads)
            await asyncio.sleep(0.01)


async def finished(*readers: Reader, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        await asyncio.gather(*(reader.run() for reader in readers))


async def assert_exact(*readers: Reader) -> GenerationJob:
    job = await GenerationJob.objects.aget(pk=readers[0].job)
    for reader in readers:
        assert reader.end is not None
        assert reader.end["state"] == job.state
        assert reader.text == job.output
    return job


async def test_from_submit_to_finish(submit: Submit, worker: Any) -> None:
    reader = Reader((await in_thread(submit)(max_tokens=80)).pk)
    await finished(reader)
    job = await assert_exact(reader)
    assert job.output == expected(job)
    assert reader.end is not None
    assert reader.end["usage"]["completion_tokens"] == 80
    assert [kind for kind in reader.kinds if kind not in ("queued", "text")] == ["loading", "started", "finish"]


async def test_a_reader_may_come_at_any_time_and_from_any_cursor(submit: Submit, worker: Any) -> None:
    job = await in_thread(submit)(max_tokens=150)
    first = Reader(job.pk)
    cursors: list[Reader] = []
    async with asyncio.timeout(15):
        async for _ in first.steps():
            cursors.append(Reader(job.pk, first.attempt, first.seq, first.text))
    assert len(cursors) > 8
    late = [reader for reader in cursors if reader.seq]
    await finished(*late, Reader(job.pk))
    await assert_exact(first, *late)


async def test_replay_of_a_running_job_at_every_cursor(submit: Submit) -> None:
    """The log is complete and the job still runs: every cursor gets the rest of the text, event by event."""
    job = await in_thread(submit)(max_tokens=5)
    held = await in_thread(hold)()
    writer = LogWriter(sync_client())
    pieces = ["ab", "é", "🎉c", "d" * 50]
    events, offset = [{"kind": "started"}], 0
    for number, piece in enumerate(pieces, 1):
        events.append({"kind": "text", "offset": offset, "text": piece, "tokens": number})
        offset += len(piece)
    for first in range(len(events)):
        assert writer.append([Append(*held, first + 1, events[first : first + 1])]) == [Answer.WRITTEN]
    readers = []
    for cursor in range(len(events) + 1):
        seen = "".join(event.get("text", "") for event in events[:cursor])
        readers.append(Reader(job.pk, 1 if cursor else 0, cursor, str(seen)))
    tasks = [asyncio.create_task(reader.run()) for reader in readers]
    await until(lambda: [reader.text for reader in readers] == ["".join(pieces)] * len(readers))
    await in_thread(finish)(held, Outcome(State.SUCCEEDED, "".join(pieces), "stop", 4))
    await asyncio.wait_for(asyncio.gather(*tasks), 3)
    await assert_exact(*readers)


def hold() -> Held:
    (job,) = claim("a", ("tiny",), 1)
    return Held(job.pk, job.attempt)


@pytest.mark.parametrize("lost", ["all", "most"])
async def test_lost_nudges_cost_time_and_nothing_else(
    submit: Submit, worker: Any, monkeypatch: pytest.MonkeyPatch, lost: str
) -> None:
    real, count = nudges.Inbox.put, iter(range(10**9))

    def drop(self: nudges.Inbox, nudge: Any) -> None:
        if lost == "most" and next(count) % 3 == 0:
            real(self, nudge)

    monkeypatch.setattr(nudges.Inbox, "put", drop)
    readers = [Reader((await in_thread(submit)(f"{number}", max_tokens=200)).pk) for number in range(3)]
    await finished(*readers)
    for reader in readers:
        await assert_exact(reader)


async def test_without_any_nudge_words_come_within_a_second_and_a_half(
    submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nudges.Inbox, "put", lambda self, nudge: None)
    job = await in_thread(submit)()
    held, reader = await in_thread(hold)(), Reader(job.pk)
    writer, written, lags = LogWriter(sync_client()), list[float](), list[float]()

    async def read() -> None:
        stood = 0
        async for _ in reader.steps():
            lags.extend(monotonic() - at for at in written[stood : len(reader.text)])
            stood = len(reader.text)

    reading = asyncio.create_task(read())
    for number in range(60):
        written.append(monotonic())
        event = {"kind": "text", "offset": number, "text": "x", "tokens": number + 1}
        await in_thread(writer.append)([Append(*held, number + 1, [event])])
        await asyncio.sleep(0.08)
    await in_thread(finish)(held, Outcome(State.SUCCEEDED, "x" * 60, "stop", 60))
    await asyncio.wait_for(reading, 5)
    await assert_exact(reader)
    assert 0.3 < quantiles(lags, n=20)[-1] < 1.5


async def test_negative_control_without_reading_the_gap_text_is_missing(
    submit: Submit, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, count = nudges.Inbox.put, iter(range(10**9))
    monkeypatch.setattr(nudges.Inbox, "put", lambda self, nudge: real(self, nudge) if next(count) % 3 == 0 else None)

    async def nothing(*args: Any) -> replay.Replay:
        return replay.Replay([], more=False)

    monkeypatch.setattr(stream, "read_after", nothing)
    job = await in_thread(submit)(max_tokens=150)
    texts = [message["event"] async for message in follow(job.pk) if message["event"]["kind"] == "text"]
    job = await GenerationJob.objects.aget(pk=job.pk)
    assert "".join(event["text"] for event in texts) != job.output


async def test_redis_emptied_in_mid_stream(submit: Submit, engine: ScriptedEngine, worker: Any) -> None:
    engine.pace = 0.01
    job = await in_thread(submit)(max_tokens=150)
    early = Reader(job.pk)
    task = asyncio.create_task(early.run())
    for _ in range(3):
        await asyncio.sleep(0.4)
        sync_client().flushall()
    late = Reader(job.pk)
    await finished(late)
    await asyncio.wait_for(task, 5)
    assert "snapshot" in late.kinds or late.text == early.text
    job = await assert_exact(early, late)
    assert (job.attempt, job.output) == (1, expected(job))


async def test_without_nudges_and_with_redis_emptied_followers_go_on_from_a_snapshot(
    submit: Submit, engine: ScriptedEngine, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nudges.Inbox, "put", lambda self, nudge: None)
    monkeypatch.setattr(stream, "POLL_SECONDS", 0.5)
    engine.pace = 0.01
    reader = Reader((await in_thread(submit)(max_tokens=300)).pk)
    task = asyncio.create_task(reader.run())
    await until(lambda: reader.kinds.count("text") >= 2)
    await asyncio.sleep(0.4)  # it has read just now, so there is something that it hasn't
    sync_client().flushall()
    await asyncio.wait_for(task, 15)
    await assert_exact(reader)
    assert "snapshot" in reader.kinds


async def test_a_new_attempt_starts_the_text_again(submit: Submit, transactional_db: None) -> None:
    slow, fast = ScriptedEngine(pace=0.02), ScriptedEngine(pace=0.002)
    job = await in_thread(submit)(max_tokens=60)
    reader = Reader(job.pk)
    task = asyncio.create_task(reader.run())
    with running_worker(slow, "first"):
        await until_running(job)
        await until(lambda: bool(reader.text))
    await until(lambda: "queued" in reader.kinds[reader.kinds.index("text") :])
    with running_worker(fast, "second"):
        await asyncio.wait_for(task, 10)
    await assert_exact(reader)
    assert reader.attempt == 2
    assert reader.kinds.count("reset") == 1


async def test_a_lost_attempt_leaves_its_followers_with_the_next_one(submit: Submit, engine: ScriptedEngine) -> None:
    job = await in_thread(submit)(max_tokens=40)
    held = await in_thread(hold)()
    writer = LogWriter(sync_client())
    writer.append([Append(*held, 1, [{"kind": "text", "offset": 0, "text": "from the lost one", "tokens": 4}])])
    reader = Reader(job.pk)
    task = asyncio.create_task(reader.run())
    await until(lambda: reader.text == "from the lost one")
    await in_thread(lose_lease)(job)
    await in_thread(reap)()
    with running_worker(engine):
        await asyncio.wait_for(task, 10)
    stale = writer.append([Append(*held, 2, [{"kind": "text", "offset": 17, "text": "zombie", "tokens": 5}])])
    assert stale == [Answer.STALE]
    job = await assert_exact(reader)
    assert (job.attempt, job.output) == (2, expected(job))


async def test_cancelled_while_followed(submit: Submit, worker: Any, world: World) -> None:
    job = await in_thread(submit)(max_tokens=450)
    reader = Reader(job.pk)
    task = asyncio.create_task(reader.run())
    await until_running(job)
    await asyncio.sleep(0.2)
    await in_thread(request_cancel)(actor=world.editor, job=job)
    await asyncio.wait_for(task, 2)
    assert (await assert_exact(reader)).state == State.CANCELLED
    assert reader.text


async def test_the_place_in_the_queue_and_that_nobody_serves_it(submit: Submit, world: World) -> None:
    jobs = [await in_thread(submit)(max_tokens=5) for _ in range(3)]
    seen: list[Any] = []

    async def watch() -> None:
        async for message in follow(jobs[2].pk):
            seen.append(message["event"])

    task = asyncio.create_task(watch())
    await asyncio.sleep(0.3)
    assert seen == [{"kind": "queued", "position": 3, "reason": "no_worker"}]
    await in_thread(request_cancel)(actor=world.editor, job=jobs[0])
    await asyncio.sleep(1.3)
    assert [event["position"] for event in seen] == [3, 2]
    await in_thread(request_cancel)(actor=world.editor, job=jobs[2])
    await asyncio.wait_for(task, 2)
    assert seen[-1]["state"] == "cancelled"


async def test_a_job_that_does_not_exist_has_no_events(db: None) -> None:
    assert [message async for message in follow("0" * 16)] == []


async def test_an_erased_job_shows_nothing(submit: Submit, worker: Any) -> None:
    job = await in_thread(submit)(max_tokens=5)
    await finished(Reader(job.pk))
    await in_thread(wipe_content)([job.pk])
    reader = Reader(job.pk)
    await finished(reader)
    assert reader.text == ""
    assert not sync_client().keys("generation:*")


async def test_a_long_log_is_bounded_and_still_read_from_the_start(
    submit: Submit, monkeypatch: pytest.MonkeyPatch
) -> None:
    await in_thread(submit)()
    held = await in_thread(hold)()
    writer, whole = LogWriter(sync_client()), ""
    for seq in range(1, 3001):
        piece = f"{seq} "
        event = {"kind": "text", "offset": len(whole), "text": piece, "tokens": seq}
        whole += piece
        writer.append([Append(*held, seq, [event])])
        if seq % log.SNAPSHOT_EVERY == 0:
            writer.snapshot(Snapshot(*held, seq, events.snapshot(Said(whole, tokens=seq))), repair=False)
    assert sync_client().xlen(log.keys_of(*held)[1]) <= log.MAX_EVENTS + 200
    reader, seq, more = Reader(held.job), 0, True
    while more:
        page = await replay.read_after(async_client(), *held, seq)
        for entry in page.entries:
            reader._apply(entry.event)
            seq = entry.seq
        more = page.more
    assert reader.text == whole
    assert await in_thread(replay.said_in_log)(sync_client(), *held) == Said(whole, tokens=3000)


def test_an_append_may_be_repeated_and_joined_to_what_came_after(transactional_db: None) -> None:
    writer = LogWriter(sync_client())
    a, b, c = ({"kind": "text", "offset": n, "text": "x", "tokens": n} for n in range(3))
    assert writer.append([Append("j", 1, 1, [a, b])]) == [Answer.WRITTEN]
    assert writer.append([Append("j", 1, 1, [a, b])]) == [Answer.WRITTEN]
    assert writer.append([Append("j", 1, 2, [b, c])]) == [Answer.WRITTEN]
    assert replay.said_in_log(sync_client(), "j", 1).text == "xxx"
    assert writer.append([Append("j", 1, 5, [c])]) == [Answer.HOLE]
    assert writer.append([Append("j", 2, 1, [a])]) == [Answer.WRITTEN]
    assert writer.append([Append("j", 1, 4, [c])]) == [Answer.STALE]
    assert writer.snapshot(Snapshot("j", 1, 4, events.snapshot(Said("x", tokens=1))), repair=True) == Answer.STALE
