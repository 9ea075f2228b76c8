"""OpenAI's Responses API, asked with their own client: what can be said without keeping anything between requests."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from apps.api.responses_request import read_responses_request
from apps.catalog.models import HostedModel, ModelVersion
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob
from engine.answers import ToolCall
from tests.api.conftest import Program, error_of
from tests.api.test_clients import ARGUMENTS, Person, client, handy, last_job
from tests.api.test_clients import WEATHER as CHAT_WEATHER
from tests.generations.scripted import ScriptedEngine, expected, expected_reasoning

__all__ = ["client", "handy"]
WEATHER: Any = {"type": "function", **CHAT_WEATHER["function"]}
"""It lies flat here."""


async def test_an_answer(client: Any, model: HostedModel, worker: Any) -> None:
    told = await client.responses.create(model="tiny", input="Hello", instructions="Be brief.", temperature=0.5)
    job = await last_job()
    assert job.messages == [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"}]
    assert told.output_text == expected(job)
    assert (told.id, told.model, told.store) == (f"resp_{job.pk}", "tiny", False)
    assert (told.temperature, told.instructions, told.error) == (0.5, "Be brief.", None)
    assert (told.usage.input_tokens, told.usage.output_tokens) == (job.prompt_tokens, job.completion_tokens)
    assert [item.type for item in told.output] == ["message"]


async def test_an_answer_that_is_cut_off_says_so(client: Any, model: HostedModel, worker: Any, engine: Any) -> None:
    await GenerationJob.objects.all().adelete()
    await HostedModel.objects.aupdate(longest_seconds=1)
    engine.pace = 0.2
    told = await client.responses.create(model="tiny", input="Hello", max_output_tokens=20)
    assert (told.status, told.incomplete_details.reason) == ("incomplete", "max_output_tokens")
    assert told.output[-1].status == "incomplete"
    assert told.output_text


async def test_a_loop_of_tools(client: Any, handy: HostedModel, worker: Any, engine: ScriptedEngine) -> None:
    """What came is sent back as it came."""
    engine.thinks, engine.call = 2, ToolCall("weather", ARGUMENTS, valid=True)
    said: list[Any] = [{"role": "user", "content": [{"type": "input_text", "text": "Rain?"}]}]
    for _ in range(2):
        told = await client.responses.create(model="tiny", input=said, tools=[WEATHER], max_output_tokens=3)
        thought, message, call = told.output
        assert (thought.type, message.type, call.type) == ("reasoning", "message", "function_call")
        assert thought.content[0].text == expected_reasoning(await last_job(), 2)
        assert (call.name, json.loads(call.arguments)) == ("weather", {"place": "Bremen"})
        said += [*told.output, {"type": "function_call_output", "call_id": call.call_id, "output": "yes"}]
    job = await last_job()
    assert [each["role"] for each in job.messages] == ["user", "assistant", "tool"]
    assert job.messages[1]["tool_calls"][0]["function"]["arguments"] == ARGUMENTS
    assert len({item.call_id for item in said if getattr(item, "type", "") == "function_call"}) == 2


async def test_a_stream_tells_what_the_whole_is(
    client: Any, handy: HostedModel, worker: Any, engine: ScriptedEngine
) -> None:
    engine.thinks, engine.call = 2, ToolCall("weather", ARGUMENTS, valid=True)
    asked: Any = {
        "model": "tiny",
        "input": "Rain?",
        "tools": [WEATHER],
        "max_output_tokens": 8,
        "extra_body": {"seed": 4},
    }
    whole = await client.responses.create(**asked)
    async with client.responses.stream(**asked) as stream:
        events = [event async for event in stream]
        told = await stream.get_final_response()
    kinds = list(dict.fromkeys(event.type for event in events))
    assert kinds == [
        "response.created",
        "response.in_progress",
        "response.output_item.added",
        "response.content_part.added",
        "response.reasoning_text.delta",
        "response.reasoning_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "response.output_text.delta",
        "response.output_text.done",
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "response.completed",
    ]
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert told.output_text == whole.output_text
    assert told.output[2].parsed_arguments == {"place": "Bremen"}
    assert told.usage == whole.usage
    without = [item.model_dump(exclude={"id", "parsed_arguments", "parsed"}) for item in whole.output]
    sent = [item.to_dict() for item in told.output]
    assert [(item["type"], item["status"]) for item in sent] == [(item["type"], item["status"]) for item in without]
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == whole.output_text


async def test_a_form(client: Any, model: HostedModel, worker: Any) -> None:
    """The schema reaches the job; that answers keep to it is the engine's."""
    with pytest.raises(ValueError, match="validation error"):  # the scripted engine writes what it likes
        await client.responses.parse(model="tiny", input="Hello", text_format=Person)
    job = await last_job()
    assert json.loads(job.params["json_schema"])["required"] == ["name", "age"]


async def test_a_call_that_has_to_come(client: Any, handy: HostedModel, worker: Any, engine: ScriptedEngine) -> None:
    await ModelVersion.objects.aupdate(answer_format="qwen2")
    engine.call = ToolCall("weather", ARGUMENTS, valid=True)
    choice: Any = {"type": "function", "name": "weather"}
    told = await client.responses.create(model="tiny", input="Rain?", tools=[WEATHER], tool_choice=choice)
    assert told.output[-1].name == "weather"
    assert (await last_job()).params["tool_choice"] == "function:weather"


async def test_a_stream_that_fails_is_told_as_an_error(
    client: Any, model: HostedModel, worker: Any, engine: ScriptedEngine
) -> None:
    await HostedModel.objects.aupdate(longest_seconds=1)
    engine.frozen.set()
    stream = await client.responses.create(model="tiny", input="Hello", stream=True)
    told: list[Any] = []
    with pytest.raises(openai.APIError, match="took longer"):
        await _heard(stream, told)
    assert (told[-1].response.status, "took longer" in told[-1].response.error.message) == ("failed", True)
    assert [event.type for event in told] == ["response.created", "response.in_progress", "response.failed"]
    engine.frozen.clear()


async def _heard(stream: Any, told: list[Any]) -> None:
    async for event in stream:
        told.append(event)


@pytest.mark.parametrize(
    ("asked", "param", "said"),
    [
        ({"store": True}, "store", "can't be fetched later"),
        ({"previous_response_id": "resp_1"}, "previous_response_id", "send all that was said as input"),
        ({"background": True}, "background", "can't be fetched later"),
        ({"conversation": "conv_1"}, "conversation", "can't be fetched later"),
        ({"truncation": "auto"}, "truncation", "Nothing of the input is left out"),
        ({"include": ["web_search_call.results"]}, "include", "encrypted_content"),
        ({"tools": [{"type": "web_search"}]}, "tools", "tools[0] is no function"),
        ({"tools": "all"}, "tools", "must be a list"),
        ({"tool_choice": {"type": "function"}}, "tool_choice", '{"type": "function", "name": …}'),
        ({"tool_choice": "required"}, "tool_choice", "there are no tools"),
        ({"input": []}, "input", "input is a text, or a list"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input", "Known are messages, function_call"),
        ({"input": [{"role": "pirate", "content": "Arr"}]}, "input", "input[0] needs a role"),
        ({"input": [{"role": "user", "content": [{"type": "input_file"}]}]}, "input", "has a part that isn't known"),
        ({"input": [{"type": "function_call", "name": "f"}]}, "input", "needs call_id, name and arguments"),
        ({"input": [{"type": "function_call_output", "call_id": "x", "output": "4"}]}, "input", "a call before it"),
        ({"input": [{"type": "reasoning", "content": "x"}]}, "input", "must be a list"),
        ({"input": [{"role": "user", "content": " "}]}, "", "Write something first"),
        ({"instructions": 5}, "instructions", "must be text"),
        ({"text": {"format": {"type": "json_schema"}}}, "text.format", '"name": "…", "schema": {…}'),
        ({"text": {"format": {"type": "regex", "regex": "(a"}}}, "text.format", "is never closed"),
        ({"text": {"verbosity": "low"}}, "text.verbosity", "leave text.verbosity at"),
        ({"reasoning": {"effort": "most"}}, "reasoning.effort", "must be one of low, medium, high"),
        ({"reasoning": "high"}, "reasoning", "must be an object"),
        ({"max_output_tokens": 0}, "max_output_tokens", "whole number from 1"),
        ({"temperature": 9}, "temperature", "from 0 to 2"),
        ({"messages": []}, "messages", "There is no parameter “messages” here. Known: model, input"),
        ({"model": None}, "model", "Name the model"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_asked(
    program: Program, model: HostedModel, asked: dict[str, Any], param: str, said: str
) -> None:
    status, wrong, words = error_of(await program.post("/v1/responses", **{"model": "tiny", "input": "Hello"} | asked))
    assert (status, wrong) == (400, param)
    assert said in words
    assert not await GenerationJob.objects.aexists()


@pytest.mark.parametrize(
    "sent",
    [
        {"store": False, "include": ["reasoning.encrypted_content"], "prompt_cache_key": "a", "stream": False},
        {"parallel_tool_calls": True, "tool_choice": "auto", "tools": [], "text": {"verbosity": "medium"}},
        {"truncation": "disabled", "metadata": {}, "service_tier": "auto", "top_logprobs": 0, "background": False},
        {"reasoning": {"effort": None, "summary": "auto"}, "text": {"format": {"type": "text"}}, "user": "somebody"},
        {"input": [{"type": "message", "role": "developer", "content": "Be brief."}, {"role": "user", "content": "A"}]},
        {
            "input": [
                {"role": "user", "content": "A"},
                {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
                {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [
                    {"type": "output_text", "text": "B", "annotations": [], "logprobs": []}
                ]},
                {"role": "user", "content": "C"},
            ]
        },
    ],
)  # fmt: skip
def test_what_clients_send_of_themselves(sent: Any) -> None:
    assert read_responses_request({"model": "tiny", "input": "Hello"} | sent).chat.messages[-1]["role"] == "user"


def test_items_of_a_model_that_follow_one_another_are_one_message() -> None:
    call = {"type": "function_call", "id": "fc_1", "status": "completed", "name": "f", "arguments": "{}"}
    said = [
        {"role": "user", "content": "A"},
        {"type": "reasoning", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]},
        {"role": "assistant", "content": "Both."},
        call | {"call_id": "a"},
        call | {"call_id": "b"},
        {"type": "function_call_output", "call_id": "a", "output": "1"},
        {"type": "function_call_output", "call_id": "b", "output": [{"type": "input_text", "text": "2"}]},
    ]
    messages = read_responses_request({"model": "tiny", "input": said}).chat.messages
    assert [each["role"] for each in messages] == ["user", "assistant", "tool", "tool"]
    assert (messages[1]["content"], messages[1]["reasoning"]) == ("Both.", "Hm.")
    assert [each["id"] for each in messages[1]["tool_calls"]] == ["a", "b"]
    picture = [{"type": "input_image", "image_url": "https://example.org/a.png"}]
    with pytest.raises(Refused, match="nothing is fetched from elsewhere"):
        read_responses_request({"model": "tiny", "input": [{"role": "user", "content": picture}]})
