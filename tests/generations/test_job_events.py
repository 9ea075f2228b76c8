"""How far a job is, for everybody in its project: what follows the reproduction of a result."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse
from django.test import AsyncClient, Client
from django.urls import reverse

from apps.accounts.models import User
from apps.generations import sent_events
from apps.generations.models import GenerationJob, State
from apps.generations.reproducing import reproduce
from apps.generations.sse import SILENCE
from apps.projects.models import Membership
from tests.generations.conftest import Paint, Submit
from tests.generations.scripted import ScriptedEngine, ended
from tests.generations.test_reproducing import painter, store, weights
from tests.world import World

__all__ = ["painter", "store", "weights"]
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def looks_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sent_events, "RECHECK_SECONDS", 0.2)


async def heard(job: GenerationJob, user: User, *, until: str = "finish") -> list[dict[str, Any]]:
    client = AsyncClient()
    await client.aforce_login(user)
    response = await client.get(reverse("job_events", args=[job.pk]))
    assert isinstance(response, StreamingHttpResponse)
    found: list[dict[str, Any]] = []
    stream = aiter(response)
    async with asyncio.timeout(60):
        async for chunk in stream:
            if chunk != SILENCE:
                found.append(json.loads(chunk.decode().split("\n")[1].removeprefix("data: ")))
            if found and found[-1]["kind"] == until:
                break
    await stream.aclose()
    return found


async def test_of_a_text_others_hear_how_far_it_is_and_not_a_word(
    submit: Submit, world: World, worker: Any, engine: ScriptedEngine
) -> None:
    first = await sync_to_async(lambda: ended(submit("A secret question", max_tokens=30)))()
    engine.frozen.set()
    again = await sync_to_async(reproduce)(actor=world.editor, job=first)
    await heard(again, world.viewer, until="started")
    engine.pace = 0.02
    listening = asyncio.ensure_future(heard(again, world.viewer))
    engine.frozen.clear()
    events = await listening
    steps = [(event["step"], event["steps"]) for event in events if event["kind"] == "progress"]
    assert steps == sorted(steps)
    assert {most for _, most in steps} == {first.completion_tokens}
    assert events[-1] == {"kind": "finish", "state": "succeeded", "error": ""}
    assert {name for event in events for name in event} <= {
        "kind", "position", "starts_in", "reason", "seconds", "waits", "step", "steps", "state", "error",
    }  # fmt: skip


async def test_of_a_picture_its_steps_and_who_leaves_hears_no_more(
    paint: Paint, world: World, worker: Any, engine: ScriptedEngine
) -> None:
    first = await sync_to_async(lambda: ended(paint(steps=6)[0]))()
    engine.frozen.set()
    again = await sync_to_async(reproduce)(actor=world.editor, job=first)
    await heard(again, world.viewer, until="started")
    engine.pace = 0.05
    listening = asyncio.ensure_future(heard(again, world.viewer))
    engine.frozen.clear()
    events = await listening
    assert [event for event in events if event["kind"] == "progress"][-1]["steps"] == 6
    for user in (None, world.stranger, world.admin):
        client = AsyncClient()
        if user is not None:
            await client.aforce_login(user)
        assert (await client.get(reverse("job_events", args=[again.pk]))).status_code == 404
    engine.frozen.set()
    stuck = await sync_to_async(reproduce)(actor=world.editor, job=first)
    listening = asyncio.ensure_future(heard(stuck, world.viewer))
    await asyncio.sleep(0.5)
    await sync_to_async(Membership.objects.filter(user=world.viewer).delete)()
    assert "finish" not in [event["kind"] for event in await listening]
    engine.frozen.clear()


def test_the_page_of_one_that_is_being_made_follows_it_and_works_without_scripts(
    paint: Paint, world: World, worker: Any, engine: ScriptedEngine
) -> None:
    first = ended(paint()[0])
    engine.frozen.set()
    again = reproduce(actor=world.editor, job=first)
    pages = {}
    for name in ("editor", "viewer"):
        client = Client()
        client.force_login(world.person(name))
        pages[name] = client.get(reverse("job_receipt", args=[again.pk])).content.decode()
    events, cancel = (reverse(f"job_{name}", args=[again.pk]) for name in ("events", "cancel"))
    assert all(f'data-events="{events}"' in html and "Look again" in html for html in pages.values())
    assert [f'action="{cancel}"' in html for html in pages.values()] == [True, False]
    editor = Client()
    editor.force_login(world.editor)
    assert editor.post(cancel, headers={"Accept": "application/json"}).status_code == 202
    back = editor.post(cancel, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (back.status_code, back["Location"]) == (302, reverse("job_receipt", args=[again.pk]))
    engine.frozen.clear()
    assert ended(again).state == State.CANCELLED
    html = editor.get(back["Location"]).content.decode()
    assert "It did not come to its end: it was stopped." in html
    assert "data-making" not in html
