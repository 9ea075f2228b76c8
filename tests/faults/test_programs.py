"""Programs ask the API over the network, with OpenAI's own client: a real web process, a real worker, real hang-ups."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from contextlib import AsyncExitStack
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import Any, Literal

import httpx
import openai
import pytest
from django.conf import settings
from PIL import Image, ImageChops
from pydantic import BaseModel

from apps.api.actions import create_token
from apps.catalog.models import HostedModel, ModelVersion
from apps.generations.models import GenerationJob, State
from tests.faults.processes import WorkerProcess
from tests.faults.test_picture_worker import SIDE, painter
from tests.faults.web import WebProcess, in_thread
from tests.generations.pictures import picture, png_of
from tests.generations.tool_models import hosted_with_tools
from tests.generations.upstreams import far_model
from tests.world import World

__all__ = ["painter"]
pytestmark = [pytest.mark.faults, pytest.mark.timeout(280)]
ASKED = [{"role": "user", "content": "Tell me about the sea."}]
ENDLESS: dict[str, Any] = {
    "model": "tiny",
    "messages": ASKED,
    "max_tokens": 1800,
    "temperature": 0,
    "extra_body": {"repetition_penalty": 1.3},
}
WAITING = 16
"""Requests at once: more than the web process has connections to PostgreSQL."""


class Choice(BaseModel):
    answer: Literal["yes", "no"]


def token_for(world: World) -> str:
    """Of the editor."""
    return create_token(actor=world.editor, project=world.project, name="Program", days=None)[1]


def client_of(web: WebProcess, token: str, seconds: float = 90) -> openai.AsyncOpenAI:
    http = httpx.AsyncClient(trust_env=False, timeout=seconds)
    return openai.AsyncOpenAI(base_url=f"{web.url}/v1", api_key=token, http_client=http, max_retries=0, timeout=seconds)


async def until(states: set[State], seconds: float = 60) -> None:
    end = monotonic() + seconds
    while {job.state async for job in GenerationJob.objects.all()} != states:
        assert monotonic() < end, [job.state async for job in GenerationJob.objects.all()]
        await asyncio.sleep(0.05)


async def test_openais_client(
    start: Callable[..., WorkerProcess],
    web: Callable[[], WebProcess],
    slow_model: HostedModel,
    world: World,
) -> None:
    site, worker = web(), await in_thread(start)()
    await in_thread(lambda: (site.ready(), worker.ready()))()
    raw = await in_thread(token_for)(world)
    client = client_of(site, raw)
    assert [model.id async for model in client.models.list()] == ["tiny"]

    whole = await client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=8, temperature=0)
    again = await client.chat.completions.create(
        model="tiny", messages=ASKED, max_tokens=8, temperature=0, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in again]
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert whole.choices[0].message.content == streamed
    assert whole.usage == chunks[-1].usage
    assert whole.usage
    assert whole.usage.completion_tokens == 8

    with pytest.raises(openai.BadRequestError, match="Temperature must be a number from 0 to 2"):
        await client.chat.completions.create(model="tiny", messages=ASKED, temperature=9)
    with pytest.raises(openai.AuthenticationError, match="not known here"):
        await client_of(site, "atr_" + "x" * 43).models.list()

    # The same in the other form, and an answer that keeps to a schema.
    said: Any = {"model": "tiny", "input": ASKED[0]["content"], "temperature": 0}
    responses = await client.responses.create(**said, max_output_tokens=8)
    assert (responses.output_text, responses.status) == (whole.choices[0].message.content, "incomplete")
    choice = await client.responses.parse(**said, text_format=Choice)
    async with client.responses.stream(**said, text_format=Choice) as events:
        assert [event.delta async for event in events if event.type == "response.output_text.delta"]
        assert (await events.get_final_response()).output_parsed == choice.output_parsed
    assert (choice.status, choice.output_parsed and choice.output_parsed.answer in ("yes", "no")) == ("completed", True)

    # Whoever hangs up stops what they asked for: while it streams, and while they wait for all of it.
    await GenerationJob.objects.all().adelete()
    stream = await client.chat.completions.create(**ENDLESS, stream=True)
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    await stream.close()
    await until({State.CANCELLED})
    await GenerationJob.objects.all().adelete()
    asking = asyncio.ensure_future(client.chat.completions.create(**ENDLESS))
    await until({State.RUNNING})
    asking.cancel()
    await until({State.CANCELLED})


def handy_model(folder: Path) -> HostedModel:
    """It writes calls as Qwen's do."""
    model = hosted_with_tools(Path(settings.MODEL_STORE), folder)
    ModelVersion.objects.filter(hosted_model=model).update(answer_format="qwen2")
    return model


def tool(name: str, **properties: Any) -> Any:
    schema = {"type": "object", "properties": properties, "required": [*properties], "additionalProperties": False}
    return {"type": "function", "function": {"name": name, "parameters": schema}}


async def test_a_call_of_a_tool_that_has_to_come(
    start: Callable[..., WorkerProcess],
    web: Callable[[], WebProcess],
    slow_model: HostedModel,
    world: World,
    tmp_path: Path,
) -> None:
    """Random weights want to call nothing."""
    await in_thread(handy_model)(tmp_path / "handy")
    site, worker = web(), await in_thread(start)()
    await in_thread(lambda: (site.ready(), worker.ready()))()
    client = client_of(site, await in_thread(token_for)(world))
    tools = [tool("rain", days={"enum": [1, 2]}), tool("wind", where={"type": "string", "maxLength": 4})]
    asked: dict[str, Any] = {"model": "handy", "messages": ASKED, "tools": tools, "max_tokens": 300}

    one = await client.chat.completions.create(**asked, tool_choice="required", parallel_tool_calls=False)
    (call,) = one.choices[0].message.tool_calls or []
    assert (one.choices[0].finish_reason, one.choices[0].message.content) == ("tool_calls", "")
    assert call.type == "function"
    assert call.function.name in ("rain", "wind")
    for name, expected in (("rain", {"days"}), ("wind", {"where"})):
        choice: Any = {"type": "function", "function": {"name": name}}
        stream = await client.chat.completions.create(**asked, tool_choice=choice, stream=True)
        chunks = [chunk.choices[0] async for chunk in stream]
        (told,) = [call for chunk in chunks for call in chunk.delta.tool_calls or []]
        assert told.function
        assert (told.function.name, set(json.loads(told.function.arguments or ""))) == (name, expected)
        assert chunks[-1].finish_reason == "stop"

    asked["tools"] = [tool("rain", days={"type": "array", "uniqueItems": True})]
    with pytest.raises(openai.BadRequestError, match=r"The schema of the tools can't be followed: .*uniqueItems") as no:
        await client.chat.completions.create(**asked, tool_choice="required")
    assert no.value.param == "tools"


async def test_programs_that_wait_keep_no_connection_to_the_database(
    web: Callable[[], WebProcess], slow_model: HostedModel, world: World
) -> None:
    site = web()
    await in_thread(site.ready)()
    raw = await in_thread(token_for)(world)
    client = client_of(site, raw)
    async with AsyncExitStack() as waiting:
        for _ in range(WAITING):  # nobody works on them
            asking = asyncio.ensure_future(client.chat.completions.create(model="tiny", messages=ASKED, max_tokens=5))
            waiting.callback(asking.cancel)
        end = monotonic() + 60
        while await GenerationJob.objects.acount() < WAITING:
            assert monotonic() < end
            await asyncio.sleep(0.05)
        began = monotonic()
        async with asyncio.timeout(20):
            assert [model.id async for model in client.models.list()] == ["tiny"]
            async with httpx.AsyncClient(trust_env=False) as browser:
                assert (await browser.get(f"{site.url}/readyz")).status_code == 200
        assert monotonic() - began < 5
    await until({State.CANCELLED})


async def test_a_web_process_that_is_stopped_lets_programs_ask_again(
    web: Callable[[], WebProcess], slow_model: HostedModel, world: World
) -> None:
    """Nobody could fetch what it was asked for, so the jobs are stopped."""
    site = web()
    await in_thread(site.ready)()
    raw = await in_thread(token_for)(world)
    client = client_of(site, raw)
    stream = await client.chat.completions.create(**ENDLESS, stream=True)  # nobody works on it
    asking = asyncio.ensure_future(client.chat.completions.create(**ENDLESS))
    while await GenerationJob.objects.acount() < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await in_thread(site.end)()
    with pytest.raises(openai.APIError, match="being restarted"):
        _ = [chunk async for chunk in stream]
    with pytest.raises(openai.InternalServerError, match="being restarted") as told:
        await asking
    assert told.value.status_code == 503
    assert "X-Should-Retry" not in told.value.response.headers
    await until({State.CANCELLED}, 10)


async def test_another_site_can_be_the_server_of_a_model(
    start: Callable[..., WorkerProcess], web: Callable[[], WebProcess], slow_model: HostedModel, world: World
) -> None:
    """The one that asks and the one that answers are the same here, by its address."""
    site, worker = web(), await in_thread(start)(UPSTREAM_ALLOWED_NETWORKS="127.0.0.1")
    await in_thread(lambda: (site.ready(), worker.ready()))()
    raw = await in_thread(token_for)(world)
    await in_thread(far_model)(f"{site.url}/v1", "tiny", raw)
    client = client_of(site, raw)
    asked: dict[str, Any] = {"messages": ASKED, "max_tokens": 24, "temperature": 0}
    far = await client.chat.completions.create(model="far", **asked)
    here = await client.chat.completions.create(model="tiny", **asked)
    assert far.choices[0].message.content == here.choices[0].message.content
    assert far.usage == here.usage
    assert await GenerationJob.objects.filter(model_version__hosted_model="tiny").acount() == 2


async def test_a_program_changes_only_what_its_mask_shows(
    start: Callable[..., WorkerProcess], web: Callable[[], WebProcess], painter: HostedModel, world: World
) -> None:
    site, worker = web(), await in_thread(start)()
    await in_thread(lambda: (site.ready(), worker.ready(240)))()
    client = client_of(site, await in_thread(token_for)(world))
    photo, mask = picture(3, SIDE, SIDE), Image.new("RGBA", (SIDE, SIDE), "black")
    hole = (SIDE // 4, SIDE // 4, SIDE * 3 // 4, SIDE // 2)
    mask.paste((0, 0, 0, 0), hole)
    told = await client.images.edit(
        model="painter", prompt="a red apple", image=("photo.png", png_of(photo)), mask=("mask.png", png_of(mask)),
        extra_body={"steps": 6, "seed": 7},
    )  # fmt: skip
    assert told.data is not None
    made = Image.open(BytesIO(base64.b64decode(told.data[0].b64_json or "")))
    assert ImageChops.difference(made, photo).getbbox() == hole
    with pytest.raises(openai.BadRequestError, match="This is an SVG drawing"):
        await client.images.edit(model="painter", prompt="x", image=("photo.png", b"<svg/>"))
