"""Tools of a conversation: what is refused in words, and that models and other servers get the rest."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import transaction

from apps.catalog.models import HostedModel, ModelVersion
from apps.generations.actions import submit_generation
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob
from apps.generations.params import clean_params
from apps.generations.requests import request_of
from apps.generations.tools import MAX_TOOLS, tools_of
from engine.remote.addresses import AddressRules
from engine.remote.estimate import estimated_tokens
from engine.types import DemandedCalls
from tests.engine.faulty_server import DONE, chunk, faulty, says
from tests.engine.test_remote_tools import USAGE, calls, part
from tests.engine.tool_templates import weather
from tests.generations.conftest import Submit
from tests.generations.scripted import ended
from tests.generations.tool_models import hosted_with_tools
from tests.generations.upstreams import far_model, upstream_worker
from tests.world import World

MESSAGES = [{"role": "user", "content": "How is it in Paris?"}]


def of(**schema: Any) -> list[Any]:
    return [weather(parameters={"type": "object"} | schema)]


WRONG: list[tuple[Any, str]] = [
    ("[{]", "not JSON"),
    ('[{"a":\n 1e999}]', "too large a number"),
    ("[NaN]", "no NaN"),
    ("{}", "Tools are a list"),
    (7, "must be text"),
    ("[" * 4000, "nested too deeply"),
    ("x" * 20_001, "1 characters too long"),
    ([weather(name=f"f{number}", description="") for number in range(MAX_TOOLS + 1)], "up to 32"),
    ([weather(), {"name": "bare"}], "Tool 2 must have the form"),
    ([weather(name="get weather")], "Tool 1 needs a name"),
    ([weather(name="x" * 65)], "Tool 1 needs a name"),
    ([weather(), weather()], "Two tools are called “get_weather”"),
    ([weather(description=5)], "“get_weather”: its description must be text"),
    ([weather(description="x" * 2_001)], "2,001 characters"),
    ([weather(description="\ud800")], "half a character"),
    ([weather(parameters=[])], "its parameters are a JSON schema"),
    ([weather(parameters={"type": "string"})], 'must be "object"'),
    (of(properties=[]), "“parameters.properties” must be an object"),
    (of(properties={"city": "string"}), "“parameters.properties.city” must be a JSON schema"),
    (of(properties={"city": {"type": "text"}}), "“parameters.properties.city.type” must be one of object, array"),
    (of(properties={"a": {"items": {"anyOf": [{"enum": []}]}}}), "“parameters.properties.a.items.anyOf[0].enum”"),
    (of(required="city"), "“parameters.required” must be a list of different names"),
    (of(properties={"a": {"minLength": -1}}), "a whole number from 0"),
]


@pytest.mark.parametrize(("tools", "words"), WRONG)
def test_what_is_wrong_with_tools_is_said_at_their_field(tools: Any, words: str) -> None:
    with pytest.raises(ValidationError) as error:
        clean_params({"tools": tools})
    assert list(error.value.message_dict) == ["tools"]
    assert words in error.value.message_dict["tools"][0]


@pytest.mark.parametrize(
    "tools",
    [
        [weather()],
        [{"type": "function", "function": {"name": "now"}}],
        of(properties={"any": True, "more": {"type": ["string", "null"], "x-own": 1}}, additionalProperties=False),
        of(**{"$defs": {"place": {"type": "object"}}, "properties": {"at": {"$ref": "#/$defs/place"}}}),
    ],
)
def test_good_tools_are_kept_as_they_were_written(tools: list[Any]) -> None:
    text = json.dumps(tools)
    assert clean_params({"tools": text})["tools"] == text
    assert json.loads(clean_params({"tools": tools})["tools"]) == tools  # as programs send it


@pytest.mark.parametrize("nothing", ["", "  ", "[]", [], None])
def test_no_tools_are_none(nothing: Any) -> None:
    assert clean_params({"tools": nothing})["tools"] is None


def test_a_model_whose_template_knows_no_tools_is_not_asked_without_them(submit: Submit) -> None:
    with pytest.raises(Refused, match="Tiny can't be told of tools: its chat template knows none"):
        submit(tools=[weather()])


@pytest.fixture
def handy(db: None, tiny_store: tuple[Path, str], tmp_path: Path) -> HostedModel:
    return hosted_with_tools(tiny_store[0], tmp_path / "handy")


def ask(world: World, model: HostedModel, **params: Any) -> GenerationJob:
    with transaction.atomic():
        return submit_generation(
            actor=world.editor, project=world.project, model=model, messages=MESSAGES, params=params
        )


def test_tools_are_in_the_prompt_and_count(world: World, handy: HostedModel) -> None:
    without, one, other = (ask(world, handy, tools=tools) for tools in ([], [weather()], [weather(name="now")]))
    assert one.prompt_tokens == len(one.prompt_ids) > without.prompt_tokens + 50
    assert one.prompt_ids[-without.prompt_tokens :] == without.prompt_ids
    assert one.prompt_ids != other.prompt_ids
    with pytest.raises(Refused, match="too long for this model") as refused:
        ask(world, handy, tools=[weather("word " * 390)])
    assert refused.value.code == "context_overflow"


def test_what_may_be_left_out_is_filled_in_for_templates() -> None:
    (bare, whole) = tools_of({"tools": json.dumps([{"type": "function", "function": {"name": "now"}}, weather()])})
    assert bare == weather(name="now", description="", parameters={"type": "object", "properties": {}})
    assert list(bare["function"]) == ["name", "description", "parameters"]
    assert whole == weather()


def test_a_control_token_in_a_tool_is_refused_in_words(world: World, handy: HostedModel) -> None:
    with pytest.raises(Refused, match="control token"):
        ask(world, handy, tools=[weather("See <|end|>")])


def test_a_call_can_be_demanded_where_it_is_known_how_the_model_writes_one(world: World, handy: HostedModel) -> None:
    with pytest.raises(Refused, match="Handy can't be held to call a tool: how it writes calls isn't known"):
        ask(world, handy, tools=[weather()], tool_choice="required")
    ModelVersion.objects.update(answer_format="qwen2")
    handy = HostedModel.objects.get(pk=handy.pk)
    demanded = request_of(
        ask(world, handy, tools=[weather(), weather(name="now")], tool_choice="function:now")
    ).demanded
    assert demanded == DemandedCalls((weather(name="now"),), "now", only_one=True)
    for chosen, words in (("function:none", "no tool “none” that Handy could call"), ("all", "A demanded call is")):
        with pytest.raises(Refused, match=words):
            ask(world, handy, tools=[weather()], tool_choice=chosen)
    with pytest.raises(Refused, match="there is no tool that"):
        ask(world, handy, tool_choice="one")


@pytest.fixture
def upstreams(settings: Any, transactional_db: None) -> None:
    settings.LEASE_SECONDS = 20
    settings.UPSTREAM_ADDRESSES = AddressRules.parse(["127.0.0.0/8"])


def test_another_server_is_told_of_them_and_its_calls_are_kept(world: World, upstreams: None) -> None:
    script = says(
        calls(part(0, "get_weather", '{"city":')), calls(part(0, None, '"Paris"}'), finish="tool_calls"), USAGE, DONE
    )
    with faulty(script, says(chunk("No", "stop"), USAGE, DONE)) as server, upstream_worker():
        far = far_model(server.url)
        job = ask(world, far, tools=[weather()])
        assert job.prompt_tokens == estimated_tokens(MESSAGES, [weather()])
        job, plain = ended(job), ended(ask(world, far))
        bodies = [json.loads(each.request.partition(b"\r\n\r\n")[2]) for each in server.connections]
    assert job.tool_calls == [{"name": "get_weather", "arguments": '{"city":"Paris"}', "valid": True}]
    assert (job.finish_reason, job.prompt_tokens, job.error_message) == ("stop", 90, "")
    assert (bodies[0]["tools"], "tools" in bodies[1], plain.output) == ([weather()], False, "No")


@pytest.mark.parametrize(
    ("chosen", "sent"),
    [
        ("required", {"tool_choice": "required"}),
        ("one", {"tool_choice": "required", "parallel_tool_calls": False}),
        ("function:now", {"tool_choice": {"type": "function", "function": {"name": "now"}}}),
    ],
)
def test_another_server_is_told_that_a_call_is_demanded(
    world: World, upstreams: None, chosen: str, sent: dict[str, Any]
) -> None:
    tools = [weather(), weather(name="now")]
    with faulty(says(calls(part(0, "now", "{}"), finish="stop"), USAGE, DONE)) as server, upstream_worker():
        job = ended(ask(world, far_model(server.url), tools=tools, tool_choice=chosen))
        body = json.loads(server.connections[0].request.partition(b"\r\n\r\n")[2])
    assert [call["name"] for call in job.tool_calls] == ["now"]
    assert body["tools"] == tools
    assert {name: body[name] for name in ("tool_choice", "parallel_tool_calls") if name in body} == sent
