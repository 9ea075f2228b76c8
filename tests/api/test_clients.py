"""OpenAI's own client, and what other clients send of themselves: it works where the answer is the same."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
from openai.types.chat import ChatCompletionMessageFunctionToolCall
from pydantic import BaseModel

from aiplatform.handler import OneThreadHandler
from apps.api.actions import create_token
from apps.api.asking import ask
from apps.api.chat_request import read_chat_request
from apps.api.image_request import read_images_request
from apps.catalog.models import HostedModel
from apps.generations.models import GenerationJob
from engine.answers import ToolCall
from tests.api.conftest import HELLO, LONG, Program
from tests.generations.scripted import ScriptedEngine, expected, expected_reasoning
from tests.generations.tool_models import SHOWING, hosted_with_tools
from tests.world import World

WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells it.",
        "strict": True,
        "parameters": {
            "type": "object",
            "properties": {"place": {"type": "string"}},
            "required": ["place"],
            "additionalProperties": False,
        },
    },
}
ARGUMENTS = '{"place": "Bremen"}'


class Person(BaseModel):
    name: str
    age: int


@pytest.fixture
def client(program: Program) -> openai.AsyncOpenAI:
    transport = httpx.ASGITransport(app=OneThreadHandler())
    http = httpx.AsyncClient(transport=transport, base_url="http://localhost/v1", timeout=LONG)
    return openai.AsyncOpenAI(base_url="http://localhost/v1", api_key=program.raw, http_client=http, max_retries=0)


@pytest.fixture
def handy(transactional_db: None, tiny_store: tuple[Path, str], tmp_path: Path, monkeypatch: Any) -> HostedModel:
    return hosted_with_tools(tiny_store[0], tmp_path / "handy", template=SHOWING, name="tiny")


async def last_job() -> GenerationJob:
    return await GenerationJob.objects.order_by("-created_at").afirst()  # type: ignore[return-value]


async def test_a_loop_of_tools(client: Any, handy: HostedModel, worker: Any, engine: ScriptedEngine) -> None:
    """What came is sent back as it came."""
    engine.thinks, engine.call = 2, ToolCall("weather", ARGUMENTS, valid=True)
    messages: list[Any] = [{"role": "user", "content": "Rain?"}]
    ids = []
    for _ in range(3):
        told = await client.chat.completions.create(model="tiny", messages=messages, tools=[WEATHER], max_tokens=3)
        message = told.choices[0].message
        call = message.tool_calls[0]
        assert isinstance(call, ChatCompletionMessageFunctionToolCall)
        assert call.function.arguments == ARGUMENTS
        messages += [message, {"role": "tool", "tool_call_id": call.id, "content": "yes"}]
        ids.append(call.id)
    assert len(set(ids)) == 3
    assert message.reasoning_content == expected_reasoning(await last_job(), 2)
    async with client.chat.completions.stream(
        model="tiny", messages=messages, tools=[WEATHER], max_tokens=3, stream_options={"include_usage": True}
    ) as stream:
        kinds = {event.type async for event in stream}
        told = await stream.get_final_completion()
    assert "tool_calls.function.arguments.done" in kinds
    assert told.choices[0].message.tool_calls[0].id not in ids
    assert told.choices[0].message.tool_calls[0].function.parsed_arguments == {"place": "Bremen"}
    assert told.usage.completion_tokens == (await last_job()).completion_tokens


async def test_one_call_where_no_more_are_wanted(
    client: Any, handy: HostedModel, worker: Any, engine: ScriptedEngine
) -> None:
    engine.call, engine.calls = ToolCall("weather", ARGUMENTS, valid=True), 2
    asked: Any = {"model": "tiny", "messages": HELLO, "tools": [WEATHER], "max_tokens": 3}
    both = await client.chat.completions.create(**asked)
    assert len(both.choices[0].message.tool_calls) == 2
    one = await client.chat.completions.create(**asked, parallel_tool_calls=False)
    assert len(one.choices[0].message.tool_calls) == 1
    async with client.chat.completions.stream(**asked, parallel_tool_calls=False) as stream:
        told = await stream.get_final_completion()
    assert len(told.choices[0].message.tool_calls) == 1


async def test_forms_of_answers(client: Any, model: HostedModel, worker: Any) -> None:
    """The schema reaches the job; that answers keep to it is the engine's."""
    with pytest.raises((openai.LengthFinishReasonError, ValueError)):  # the scripted engine writes what it likes
        await client.chat.completions.parse(model="tiny", messages=HELLO, response_format=Person, max_tokens=3)
    job = await last_job()
    assert job.params["output_format"] == "json_schema"
    assert json.loads(job.params["json_schema"])["required"] == ["name", "age"]


async def test_raw_answers_and_many_at_once(client: Any, model: HostedModel, worker: Any) -> None:
    raw = await client.chat.completions.with_raw_response.create(model="tiny", messages=HELLO, max_tokens=3)
    job = await last_job()
    assert raw.headers["X-Atrium-Job"] == job.pk
    assert raw.request_id == raw.headers["X-Request-ID"]
    assert raw.parse().choices[0].message.content == expected(job)
    many = await asyncio.gather(
        *(client.chat.completions.create(model="tiny", messages=HELLO, max_tokens=3, seed=each) for each in range(6))
    )
    assert len({each.choices[0].message.content for each in many}) == 6


async def test_pictures_and_models(client: Any, model: HostedModel, painter: HostedModel, worker: Any) -> None:
    told = await client.images.generate(
        model="painter", prompt="a red apple", size="64x64", n=2, response_format="b64_json", quality="auto"
    )
    assert [base64.b64decode(each.b64_json)[:4] for each in told.data] == [b"\x89PNG"] * 2
    assert (await client.models.retrieve("tiny")).owned_by
    with pytest.raises(openai.NotFoundError):
        await client.models.retrieve("nobody")
    with pytest.raises(openai.NotFoundError, match="There is nothing at /v1/embeddings here"):
        await client.embeddings.create(model="tiny", input="Hello")


SENT_BACK: dict[str, Any] = {
    "role": "assistant", "content": "", "refusal": None, "annotations": [], "audio": None, "function_call": None,
    "tool_calls": None,
}  # fmt: skip
NOTHING: dict[str, Any] = dict.fromkeys(
    (
        "temperature", "top_p", "n", "stop", "max_tokens", "max_completion_tokens", "presence_penalty", "logit_bias",
        "frequency_penalty", "user", "response_format", "seed", "tools", "tool_choice", "logprobs", "top_logprobs",
        "parallel_tool_calls", "stream_options", "functions", "function_call", "reasoning_effort", "extra_body",
        "modalities", "audio", "store", "metadata", "service_tier", "prediction", "verbosity", "web_search_options",
    )
)  # fmt: skip


@pytest.mark.django_db
@pytest.mark.parametrize(
    "sent",
    [
        NOTHING,
        {"temperature": 1, "top_p": 1, "n": 1, "presence_penalty": 0, "frequency_penalty": 0, "logit_bias": {}},
        {"stream": False, "stream_options": {"include_usage": True}},
        {"parallel_tool_calls": False},
        {"parallel_tool_calls": False, "tools": [], "tool_choice": "auto"},
        {"tools": [WEATHER], "tool_choice": "auto", "parallel_tool_calls": True},
        {"tools": [WEATHER], "tool_choice": "none"},
        {"response_format": {"type": "text"}, "modalities": ["text"], "user": "somebody", "metadata": {}},
        {"verbosity": "medium", "stop": []},
        {"messages": [*HELLO, SENT_BACK | {"content": "Hi."}, *HELLO]},
        {"messages": [*HELLO, SENT_BACK, *HELLO]},
        {
            "messages": [
                {"role": "system", "content": [{"type": "text", "text": "Be brief.", "cache_control": {"type": "e"}}]},
                {"role": "user", "content": [{"type": "text", "text": "Hello", "cache_control": {"type": "e"}}]},
            ]
        },
        {
            "messages": [
                *HELLO,
                SENT_BACK
                | {
                    "content": None,
                    "tool_calls": [{"id": "x", "type": "function", "function": {"name": "weather", "arguments": ""}}],
                },
                {"role": "tool", "tool_call_id": "x", "content": [{"type": "text", "text": "yes"}], "name": "weather"},
            ]
        },
    ],
)
def test_what_clients_send_of_themselves(settings_of_tests: None, handy: HostedModel, world: World, sent: Any) -> None:
    token, _ = create_token(actor=world.editor, project=world.project, name="Notebook", days=30)
    assert ask(token, read_chat_request({"model": "tiny", "messages": HELLO} | sent)).pk


@pytest.mark.parametrize(
    "sent", [{"quality": "auto", "background": "auto", "moderation": "auto", "stream": False}, {"style": None}]
)
def test_what_clients_send_of_themselves_for_pictures(sent: Any) -> None:
    assert read_images_request({"model": "painter", "prompt": "a boat"} | sent).number == 1
