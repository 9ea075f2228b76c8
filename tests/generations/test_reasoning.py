"""What a model thinks: stored and followed apart from its answer, exact on every way, and hidden where it must be."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from apps.catalog.actions import set_reasoning
from apps.catalog.models import HostedModel, ReasoningPolicy
from apps.generations import log, replay, transcript
from apps.generations.actions import request_cancel, wipe_content
from apps.generations.claims import Held, claim
from apps.generations.endings import reap
from apps.generations.log import Append, LogWriter
from apps.generations.models import GenerationJob, State
from apps.generations.own_rows import generations
from apps.generations.said import Said
from apps.generations.transcript import Transcript
from apps.lib.redis import async_client, sync_client
from engine.answers import ToolCall
from engine.types import ReasoningEvent, TextEvent, ToolCallEvent
from tests.generations.conftest import Submit
from tests.generations.reader import Reader
from tests.generations.scripted import ScriptedEngine, expected, expected_reasoning, running_worker
from tests.generations.test_stream import finished, until
from tests.generations.test_worker import lose_lease
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
in_thread = sync_to_async(thread_sensitive=True)
THINKS = 60
CALL = ToolCall("get_weather", '{"city": "Köln"}', valid=True)


@pytest.fixture
def thinker(transactional_db: None) -> Iterator[ScriptedEngine]:
    engine = ScriptedEngine(thinks=THINKS, call=CALL)
    with running_worker(engine):
        yield engine


async def assert_exact(*readers: Reader) -> GenerationJob:
    job = await GenerationJob.objects.aget(pk=readers[0].job)
    for reader in readers:
        assert (reader.text, reader.reasoning, reader.calls) == (job.output, job.reasoning, job.tool_calls)
    return job


async def test_thoughts_and_answer_are_apart_and_exact_from_any_cursor(submit: Submit, thinker: ScriptedEngine) -> None:
    first = Reader((await in_thread(submit)(max_tokens=60)).pk)
    late: list[Reader] = []
    async with asyncio.timeout(20):
        async for _ in first.steps():
            late.append(Reader(first.job, first.attempt, first.seq, first.text, first.reasoning, list(first.calls)))
    late = [reader for reader in late if reader.seq and reader.end is None]
    await finished(*late, Reader(first.job))
    job = await assert_exact(first, *late)
    assert (job.output, job.reasoning) == (expected(job), expected_reasoning(job, THINKS))
    assert job.tool_calls == [{"name": "get_weather", "arguments": '{"city": "Köln"}', "valid": True}]
    assert (job.completion_tokens, job.reasoning_tokens) == (60 + THINKS, THINKS)
    assert first.end is not None
    assert first.end["usage"]["reasoning_tokens"] == THINKS
    assert first.end["usage"]["reasoning_ms"] == THINKS
    assert first.kinds.index("reasoning") < first.kinds.index("text")


async def test_a_lost_attempt_takes_its_thoughts_along(submit: Submit) -> None:
    job = await in_thread(submit)(max_tokens=20)
    (taken,) = await in_thread(claim)("a", ("tiny",), 1)
    held = Held(taken.pk, taken.attempt)
    old = {"kind": "reasoning", "offset": 0, "text": "from the lost one", "tokens": 4, "ms": 12}
    LogWriter(sync_client()).append([Append(*held, 1, [old])])
    reader = Reader(job.pk)
    task = asyncio.create_task(reader.run())
    await until(lambda: reader.reasoning == "from the lost one")
    await in_thread(lose_lease)(job)
    await in_thread(reap)()
    with running_worker(ScriptedEngine(thinks=5)):
        await asyncio.wait_for(task, 20)
    job = await assert_exact(reader)
    assert (job.attempt, job.reasoning) == (2, expected_reasoning(job, 5))
    assert reader.kinds.count("reset") == 1


async def test_what_a_lost_worker_had_thought_is_kept(submit: Submit, settings: Any) -> None:
    settings.MAX_ATTEMPTS = 1
    job = await in_thread(submit)(max_tokens=20)
    (taken,) = await in_thread(claim)("a", ("tiny",), 1)
    written = Transcript(Held(taken.pk, taken.attempt))
    written.add_reasoning(ReasoningEvent("r", 0, "Hm\0", 2, 9.0))
    written.add_text(TextEvent("r", 0, "Yes", 3))
    written.add_tool_call(ToolCallEvent("r", 0, "f", "{}", True, 9))
    LogWriter(sync_client()).append([written.to_write()])
    await in_thread(lose_lease)(job)
    await in_thread(reap)()
    job = await GenerationJob.objects.aget(pk=job.pk)
    assert (job.state, job.output, job.reasoning, job.completion_tokens) == (State.FAILED, "Yes", "Hm\ufffd", 9)
    assert job.tool_calls == [{"name": "f", "arguments": "{}", "valid": True}]


async def test_a_log_that_redis_lost_goes_on_with_the_thoughts(
    submit: Submit, monkeypatch: pytest.MonkeyPatch, transactional_db: None
) -> None:
    engine = ScriptedEngine(0.01, thinks=40)
    with running_worker(engine):
        reader = Reader((await in_thread(submit)(max_tokens=40)).pk)
        task = asyncio.create_task(reader.run())
        await until(lambda: len(reader.reasoning) > 20)
        sync_client().flushdb()
        await asyncio.wait_for(task, 20)
    job = await assert_exact(reader, await Reader(reader.job).run())
    assert job.reasoning == expected_reasoning(job, 40)


async def test_a_long_log_is_read_from_its_snapshot(submit: Submit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log, "MAX_EVENTS", 16)
    monkeypatch.setattr(transcript, "SNAPSHOT_EVERY", 8)
    await in_thread(submit)()
    (taken,) = await in_thread(claim)("a", ("tiny",), 1)
    held = Held(taken.pk, taken.attempt)
    writer, written = LogWriter(sync_client()), Transcript(held)
    for number in range(300):
        written.add_reasoning(ReasoningEvent("r", 2 * number, "ab", number, float(number)))
        written.add_text(TextEvent("r", 3 * number, "xyz", number))
        batch = written.to_write()
        writer.append([batch])
        written.written(batch)
        if written.snapshot_due():
            writer.snapshot(written.snapshot(), repair=False)
    reader, seq, more = Reader(held.job), 0, True
    while more:
        page = await replay.read_after(async_client(), *held, seq)
        for entry in page.entries:
            reader._apply(entry.event)
            seq = entry.seq
        more = page.more
    assert (reader.reasoning, reader.text) == ("ab" * 300, "xyz" * 300)
    said = await in_thread(replay.said_in_log)(sync_client(), *held)
    assert said == Said("xyz" * 300, "ab" * 300, (), 299, 299)


async def test_hidden_thoughts_reach_neither_log_nor_row_nor_reader(
    submit: Submit, model: HostedModel, thinker: ScriptedEngine
) -> None:
    await in_thread(set_reasoning)(actor=None, model=model, policy=ReasoningPolicy.HIDDEN)
    reader = Reader((await in_thread(submit)(max_tokens=20)).pk)
    heard: list[Any] = []
    async with asyncio.timeout(20):
        async for message in reader.steps():
            heard.append(message)
    job = await assert_exact(reader)
    assert job.reasoning == ""
    assert (job.reasoning_tokens, job.output) == (THINKS, expected(job))
    assert "reasoning" in reader.kinds
    thoughts = [message["event"] for message in heard if message["event"]["kind"] == "reasoning"]
    assert all(set(event) == {"kind", "tokens", "ms"} for event in thoughts)
    kept = [str(sync_client().xrange(key)) for key in sync_client().keys("generation:*:1")]
    assert kept
    assert "T1é" not in json.dumps(heard, ensure_ascii=False) + "".join(kept)


async def test_what_was_stored_is_hidden_as_soon_as_the_policy_says_so(
    submit: Submit, model: HostedModel, world: World
) -> None:
    engine = ScriptedEngine(0.01, thinks=400)
    with running_worker(engine):
        job = await in_thread(submit)(max_tokens=40)
        before = Reader(job.pk)
        task = asyncio.create_task(before.run())
        await until(lambda: len(before.reasoning) > 10)
        await in_thread(set_reasoning)(actor=None, model=model, policy=ReasoningPolicy.HIDDEN)
        late = Reader(job.pk)
        late_task = asyncio.create_task(late.run())
        await until(lambda: "reasoning" in late.kinds)
        await in_thread(request_cancel)(actor=world.editor, job=job)
        await asyncio.wait_for(asyncio.gather(task, late_task), 20)
    assert late.reasoning == ""
    job = await GenerationJob.objects.aget(pk=job.pk)
    assert job.reasoning  # of before: it is kept, but told to nobody
    (exported,) = await in_thread(generations)(world.editor)
    assert exported["reasoning_text"] == ""
    await in_thread(set_reasoning)(actor=None, model=model, policy=ReasoningPolicy.SHOWN)
    (exported,) = await in_thread(generations)(world.editor)
    assert exported["reasoning_text"] == job.reasoning


async def test_erasing_takes_thoughts_and_tool_calls(submit: Submit, thinker: ScriptedEngine) -> None:
    reader = Reader((await in_thread(submit)(max_tokens=5)).pk)
    await finished(reader)
    await in_thread(wipe_content)([reader.job])
    job = await GenerationJob.objects.aget(pk=reader.job)
    assert (job.output, job.reasoning, job.tool_calls) == ("", "", [])
    assert job.reasoning_tokens == THINKS
