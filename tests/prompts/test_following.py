"""The answer to a run, as a browser hears it: server-sent events, from the position where it was."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.test import AsyncClient

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.generations import sent_events
from apps.generations.models import GenerationJob
from apps.generations.sse import SILENCE
from apps.projects.models import Membership
from apps.prompts.access import get_revision
from apps.prompts.actions import delete
from apps.prompts.actions.running import run_prompt
from apps.prompts.models import PromptRun
from tests.generations.conftest import engine, model, settings_of_tests, tiny_store, worker
from tests.generations.scripted import ScriptedEngine, expected
from tests.prompts.build import write
from tests.world import World

__all__ = ["engine", "model", "settings_of_tests", "tiny_store", "worker"]
pytestmark = pytest.mark.django_db(transaction=True)
Start = Callable[..., Awaitable[PromptRun]]
LONG = 90.0
"""Seconds: for whatever surely happens."""


@pytest.fixture(autouse=True)
def looks_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_events, "RECHECK_SECONDS", 0.2)


@pytest.fixture
def start(world: World, model: HostedModel) -> Start:
    """Run a public prompt as the editor."""

    def make(tokens: int = 60) -> PromptRun:
        revision = get_revision(write(world.stranger, params={"max_tokens": tokens}))
        values = {"harbour": "Bremen"}
        return run_prompt(
            actor=world.editor, revision=revision, project=world.project, model_id=model.pk, values=values
        )

    return sync_to_async(make)


class Listener:
    """One EventSource: what it has heard, and its last event id."""

    def __init__(self, run: PromptRun, user: User | None) -> None:
        self.address, self.user = f"/prompts/runs/{run.pk}/events/", user
        self.client = AsyncClient()
        self.events: list[dict[str, Any]] = []
        self.position = ""
        self.text = ""

    async def open(self) -> Any:
        if self.user:
            await self.client.aforce_login(self.user)
        headers = {"Last-Event-ID": self.position} if self.position else {}
        return await self.client.get(self.address, headers=headers)

    async def hear(self, *, until: str = "") -> Listener:
        """Until the end, or until an event of this kind has come."""
        response = await self.open()
        assert isinstance(response, StreamingHttpResponse)
        assert response.headers["Content-Type"] == "text/event-stream"
        stream: AsyncIterator[bytes] = aiter(response)
        async with asyncio.timeout(LONG):
            async for chunk in stream:
                if chunk == SILENCE:
                    continue
                self._take(chunk.decode())
                if self.events[-1]["kind"] == until:
                    break
        await stream.aclose()
        return self

    def _take(self, chunk: str) -> None:
        position, data = chunk.removesuffix("\n\n").split("\n")
        self.position, event = position.removeprefix("id: "), json.loads(data.removeprefix("data: "))
        if event["kind"] == "text":
            assert event["offset"] == len(self.text)
            self.text += event["text"]
        self.text = event["text"] if event["kind"] in ("snapshot", "finish") and "text" in event else self.text
        self.events.append(event)

    @property
    def kinds(self) -> list[str]:
        return [event["kind"] for event in self.events]


async def test_from_start_to_finish(world: World, start: Start, worker: Any, engine: ScriptedEngine) -> None:
    engine.frozen.set()
    run = await start()
    heard = Listener(run, world.editor)
    hearing = asyncio.ensure_future(heard.hear())
    async with asyncio.timeout(LONG):
        while "started" not in heard.kinds:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    engine.frozen.clear()
    await hearing
    job = await GenerationJob.objects.aget(pk=run.job_id)
    assert [kind for kind in heard.kinds if kind not in ("queued", "text")] == ["loading", "started", "finish"]
    assert heard.text == job.output == expected(job)
    assert heard.events[-1]["state"] == "succeeded"
    assert [each["content"] for each in job.messages] == [
        "You are a calm harbour pilot.",
        "When is high tide in Bremen?",
    ]


async def test_a_browser_that_comes_back_hears_the_rest(
    world: World, start: Start, worker: Any, engine: ScriptedEngine
) -> None:
    engine.frozen.set()
    run = await start(300)
    listener = await Listener(run, world.editor).hear(until="started")
    engine.frozen.clear()
    await listener.hear(until="text")
    await listener.hear(until="text")
    await listener.hear()
    job = await GenerationJob.objects.aget(pk=run.job_id)
    assert listener.text == job.output == expected(job)
    assert listener.kinds.count("started") == 1


@pytest.mark.parametrize("position", ["", "x", "1", "1:", "-1:4", "1:99999999999999999999", "9:9", "²:1"])
async def test_a_position_that_is_none_means_from_the_beginning(
    world: World, start: Start, worker: Any, position: str
) -> None:
    run = await start(5)
    await Listener(run, world.editor).hear()
    listener = Listener(run, world.editor)
    listener.position = position
    await listener.hear()
    job = await GenerationJob.objects.aget(pk=run.job_id)
    assert listener.text == job.output


@pytest.mark.parametrize("person", ["anonymous", "owner", "viewer", "stranger", "admin"])
async def test_nobody_else_follows_a_run(world: World, start: Start, person: str) -> None:
    run = await start()
    response = await Listener(run, None if person == "anonymous" else world.person(person)).open()
    assert response.status_code == 404
    assert response.json()["error"]["message"] == "There is no such run for you."


async def test_there_is_nothing_to_follow_where_nothing_was_run(world: World, start: Start) -> None:
    run = await start()
    await PromptRun.objects.filter(pk=run.pk).aupdate(job=None)
    assert (await Listener(run, world.editor).open()).status_code == 404
    run.pk = "nothing"
    assert (await Listener(run, world.editor).open()).status_code == 404


async def test_an_answer_stays_its_askers_when_the_prompt_is_deleted(world: World, start: Start, worker: Any) -> None:
    run = await start()
    await sync_to_async(delete)(actor=world.stranger, prompt=run.revision.prompt)
    assert (await Listener(run, world.editor).hear()).kinds[-1] == "finish"


@pytest.mark.parametrize("idle", [True, False], ids=["idle", "streaming"])
@pytest.mark.parametrize("change", ["signs out", "is suspended", "leaves the project"])
async def test_the_stream_closes_for_who_may_no_longer_follow(
    world: World, start: Start, worker: Any, engine: ScriptedEngine, change: str, idle: bool
) -> None:
    engine.pace = 0.2
    run = await start(400)
    listener = Listener(run, world.editor)
    hearing = asyncio.ensure_future(listener.hear())
    async with asyncio.timeout(LONG):
        while "text" not in listener.kinds:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    if idle:
        engine.frozen.set()
    if change == "signs out":
        await listener.client.alogout()
    elif change == "is suspended":
        await User.objects.filter(pk=world.editor.pk).aupdate(is_active=False)
    else:
        await Membership.objects.filter(user=world.editor).adelete()
    await hearing
    assert "finish" not in listener.kinds or listener.events[-1]["state"] == "cancelled"
    engine.frozen.clear()
    assert (await listener.client.get(listener.address)).status_code == 404
