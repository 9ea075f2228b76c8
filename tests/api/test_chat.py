"""POST /v1/chat/completions: what a program asks and gets, whole or as a stream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from apps.accounts.models import User
from apps.api.actions import revoke_token
from apps.api.models import ApiCall
from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.generations.actions import request_cancel
from apps.generations.claims import claim
from apps.generations.log import Append, LogWriter
from apps.generations.models import GenerationJob, State
from apps.lib.database import in_thread
from apps.lib.redis import sync_client
from apps.projects.models import Membership
from engine.answers import ToolCall
from tests.api.conftest import LONG, Program, enabled, error_of
from tests.generations.scripted import ScriptedEngine, expected, expected_reasoning, running_worker
from tests.generations.test_worker import lose
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


async def only_job() -> GenerationJob:
    return await GenerationJob.objects.select_related("api_call").aget()


def text_of(told: list[Any], name: str = "content") -> str:
    chunks = [each for each in told if isinstance(each, dict)]
    return "".join(choice["delta"].get(name, "") for chunk in chunks for choice in chunk.get("choices", ()))


async def test_a_whole_answer(program: Program, model: HostedModel, worker: Any) -> None:
    response = await program.chat(max_tokens=12, seed=5, temperature=0.3, top_k=4)
    told, job = json.loads(response.content), await only_job()
    assert response.status_code == 200
    assert told["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": expected(job)},
            "finish_reason": "length",
            "logprobs": None,
        }
    ]
    assert told["usage"] == {
        "prompt_tokens": job.prompt_tokens,
        "completion_tokens": 12,
        "total_tokens": job.prompt_tokens + 12,
        "completion_tokens_details": {"reasoning_tokens": 0},
    }
    assert (told["object"], told["model"], told["id"]) == ("chat.completion", "tiny", f"chatcmpl-{job.pk}")
    assert {name: job.params[name] for name in ("seed", "temperature", "top_k")} == {
        "seed": 5,
        "temperature": 0.3,
        "top_k": 4,
    }
    assert (response["X-Atrium-Job"], response["Cache-Control"]) == (job.pk, "no-store")


async def test_it_counts_for_the_person_of_the_token_in_its_project(
    program: Program, model: HostedModel, worker: Any, world: World
) -> None:
    await program.chat(max_tokens=2)
    job = await only_job()
    assert (job.user_id, job.project_id, job.api_call.token_id) == (
        world.editor.pk,
        world.project.pk,
        program.token.pk,
    )
    submitted = await AuditEvent.objects.aget(action="generation.submitted")
    assert submitted.target_id == job.pk


async def test_a_stream(program: Program, model: HostedModel, worker: Any) -> None:
    told = await program.streamed(max_tokens=12, stream_options={"include_usage": True})
    job = await only_job()
    chunks = [each for each in told if isinstance(each, dict)]
    assert text_of(told) == expected(job)
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 2) + ["length"]
    assert {chunk["id"] for chunk in chunks} == {f"chatcmpl-{job.pk}"}
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 12
    assert told[-1] == "[DONE]"


async def test_a_stream_tells_what_it_used_only_where_that_is_asked_for(
    program: Program, model: HostedModel, worker: Any
) -> None:
    told = await program.streamed(max_tokens=3)
    assert not any("usage" in each for each in told if isinstance(each, dict))


async def test_while_it_waits_comments_say_where_it_stands(
    program: Program, model: HostedModel, worker: Any, engine: ScriptedEngine
) -> None:
    engine.frozen.set()
    stream = program.listen(await program.chat(stream=True, max_tokens=3))
    heard: list[Any] = []
    async for told in stream:
        heard.append(told)
        if told == ": waiting":
            engine.frozen.clear()
    assert ": started" in heard
    assert heard.index(": started") < heard.index(": waiting")
    assert heard[-1] == "[DONE]"


async def test_thoughts_and_calls_of_tools(program: Program, model: HostedModel, worker: Any, engine: Any) -> None:
    engine.thinks, engine.call = 4, ToolCall("weather", '{"place": "Bremen"}', valid=True)
    call = {
        "id": "call00000",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"place": "Bremen"}'},
    }
    whole = json.loads((await program.chat(max_tokens=3)).content)["choices"][0]
    job = await only_job()
    assert whole["message"]["reasoning_content"] == expected_reasoning(job, 4)
    assert whole["message"]["tool_calls"] == [call]
    told = await program.streamed(max_tokens=3, seed=job.params["seed"])
    assert text_of(told, "reasoning_content") == expected_reasoning(job, 4)
    deltas = [chunk["choices"][0]["delta"] for chunk in told if isinstance(chunk, dict)]
    assert [delta["tool_calls"] for delta in deltas if "tool_calls" in delta] == [[{"index": 0} | call]]


async def test_hidden_thoughts_stay_hidden(program: Program, model: HostedModel, worker: Any, engine: Any) -> None:
    engine.thinks = 4
    await HostedModel.objects.aupdate(reasoning="hidden")
    assert "reasoning" not in json.loads((await program.chat(max_tokens=3)).content)["choices"][0]["message"]
    told = await program.streamed(max_tokens=3)
    assert text_of(told, "reasoning_content") == ""
    assert text_of(told)


async def test_who_hangs_up_wants_no_answer(
    program: Program, model: HostedModel, worker: Any, engine: ScriptedEngine
) -> None:
    engine.pace = 0.05
    stream = program.listen(await program.chat(stream=True, max_tokens=400))
    async for told in stream:
        if text_of([told]):
            break
    await stream.aclose()
    await ends(State.CANCELLED)


async def ends(state: State) -> GenerationJob:
    async with asyncio.timeout(LONG):
        while not (job := await only_job()).is_terminal:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert job.state == state
    return job


@pytest.mark.parametrize("idle", [True, False], ids=["idle", "streaming"])
@pytest.mark.parametrize("change", ["is revoked", "is suspended", "leaves the project"])
async def test_a_stream_ends_for_who_may_no_longer_ask(
    program: Program, model: HostedModel, worker: Any, engine: ScriptedEngine, world: World, change: str, idle: bool
) -> None:
    engine.pace = 0.1
    stream = program.listen(await program.chat(stream=True, max_tokens=400))
    async for told in stream:
        if text_of([told]):
            break
    await take_away(change, program, world)
    if idle:
        engine.frozen.set()
    rest = [told async for told in stream]
    engine.frozen.clear()
    assert isinstance(rest[-1], dict)
    assert rest[-1]["error"]["type"] in ("authentication_error", "invalid_request_error")
    await ends(State.CANCELLED)


async def take_away(change: str, program: Program, world: World) -> None:
    if change == "is revoked":
        await sync_to_async(revoke_token)(actor=world.editor, token=program.token)
    elif change == "is suspended":
        await User.objects.filter(pk=world.editor.pk).aupdate(is_active=False)
    else:
        await Membership.objects.filter(user=world.editor).adelete()


async def test_an_answer_that_is_stopped_elsewhere_is_no_answer(
    program: Program, model: HostedModel, worker: Any, engine: ScriptedEngine, world: World
) -> None:
    engine.pace = 0.1
    asking = asyncio.ensure_future(program.chat(max_tokens=400))
    async with asyncio.timeout(LONG):
        while not await in_thread(GenerationJob.objects.filter(state=State.RUNNING).exists):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await in_thread(request_cancel, actor=world.editor, job=await in_thread(GenerationJob.objects.get))
    assert error_of(await asking)[0] == 400


async def test_failures_are_told_in_words(
    program: Program, model: HostedModel, worker: Any, engine: ScriptedEngine
) -> None:
    await HostedModel.objects.aupdate(longest_seconds=1)
    engine.frozen.set()
    response = await program.chat(max_tokens=5)
    assert error_of(response) == (
        504,
        "",
        "This answer took longer than the 1 s that one of this model may take, and nothing was written by then. "
        "Try again, or choose another model.",
    )
    assert response["X-Should-Retry"] == "false"
    told = await program.streamed(max_tokens=5)
    assert told[-1]["error"]["code"] == "deadline"  # type: ignore[index]


@pytest.mark.parametrize(
    ("asked", "param", "said"),
    [
        ({"n": 2}, "n", "One request gives one answer here"),
        ({"frequency": 1}, "frequency", "There is no parameter “frequency” here. Known: model, messages, temperature"),
        ({"temperature": 9}, "temperature", "Temperature must be a number from 0 to 2."),
        ({"messages": []}, "messages", "messages is a list"),
        ({"messages": "Hello"}, "messages", "messages is a list"),
        ({"messages": [{"role": "user"}]}, "messages[0].content", "must be text, or a list of parts"),
        ({"messages": [{"role": "pirate", "content": "Arr"}]}, "messages[0]", "needs a role: developer, system, user"),
        ({"messages": [{"role": "user", "content": " "}]}, "", "Write something first"),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages[0].content",
            "text and image",
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "http://a/b.png"}}]}
                ]
            },
            "messages[0].content",
            "nothing is fetched from elsewhere",
        ),
        ({"messages": [{"role": "tool", "content": "4", "tool_call_id": "x"}]}, "messages[0]", "a call before it"),
        ({"logit_bias": {"5": 3}}, "logit_bias", "use “word_bias”"),
        ({"tool_choice": "required"}, "tool_choice", "there are no tools"),
        ({"tool_choice": "any"}, "tool_choice", "tool_choice is “auto”, “none”, “required”, or"),
        ({"tool_choice": {"type": "function"}}, "tool_choice", "with the name of one of the tools"),
        ({"tools": [{"type": "function"}]}, "tools", "Tool 1 must have the form"),
        ({"response_format": {"type": "xml"}}, "response_format", 'response_format is {"type": "text"}'),
        ({"response_format": {"type": "regex", "regex": "(a"}}, "response_format", "The “(” at character 1 is never"),
        ({"stream": "yes"}, "stream", "stream must be true or false."),
        ({"stream": True, "logprobs": True}, "logprobs", "ask for them without stream"),
        ({"top_logprobs": 3}, "top_logprobs", "needs logprobs"),
        ({"logprobs": True, "top_logprobs": 9}, "top_logprobs", "from 0 to 5"),
        ({"model": 5}, "model", "Name the model"),
        ({"reasoning_effort": "most"}, "reasoning_effort", "must be one of low, medium, high"),
        ({"max_tokens": 0}, "max_tokens", "Longest answer must be a whole number from 1"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_asked(
    program: Program, model: HostedModel, asked: dict[str, Any], param: str, said: str
) -> None:
    status, wrong, words = error_of(await program.chat(**asked))
    assert (status, wrong) == (400, param)
    assert said in words
    assert not await GenerationJob.objects.aexists()
    assert not await ApiCall.objects.aexists()


async def test_a_model_that_may_not_be_used(program: Program, model: HostedModel, painter: HostedModel) -> None:
    assert error_of(await program.chat(model="nobody"))[:2] == (404, "model")
    assert error_of(await program.chat(model="a\0b"))[:2] == (400, "model")
    assert error_of(await program.chat(model="painter")) == (
        400,
        "model",
        "Painter makes pictures: ask it by POST /v1/images/generations.",
    )
    await sync_to_async(enabled)(model, state=False)
    assert error_of(await program.chat())[:2] == (404, "model")


async def test_what_governance_refuses_is_403_in_its_words_and_in_the_audit_log(
    program: Program, model: HostedModel
) -> None:
    await sync_to_async(lambda: model.grants.all().delete())()
    status, _, words = error_of(await program.chat())
    assert status == 403
    assert "Tiny" in words
    denied = await AuditEvent.objects.aget(outcome="denied")
    assert denied.actor_id


@pytest.mark.parametrize("words", ["word " * 2000, "word " * 200_000])
async def test_a_context_that_is_too_small_has_openais_code(program: Program, model: HostedModel, words: str) -> None:
    response = await program.chat(messages=[{"role": "user", "content": words}])
    assert response.status_code == 400
    assert json.loads(response.content)["error"]["code"] == "context_length_exceeded"


async def test_without_a_number_an_answer_is_as_long_as_fits(
    program: Program, model: HostedModel, world: World
) -> None:
    asking = asyncio.ensure_future(program.chat())
    async with asyncio.timeout(LONG):
        while not (found := await in_thread(lambda: list(GenerationJob.objects.all()))):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    (job,) = found
    assert job.prompt_tokens + job.params["max_tokens"] == 512
    await in_thread(request_cancel, actor=world.editor, job=job)
    assert error_of(await asking)[0] == 400


@pytest.mark.parametrize("body", ["", "{", "[]", '"x"', "[" * 100_000, '{"model": "tiny", "messages": NaN}'])
async def test_what_is_no_json_object(program: Program, model: HostedModel, body: str) -> None:
    assert error_of(await program.send("/v1/chat/completions", body))[0] == 400


async def test_other_methods_and_addresses_answer_in_json(program: Program) -> None:
    assert error_of(await program.get("/v1/chat/completions"))[0] == 405
    status, _, words = error_of(await program.post("/v1/embeddings"))
    assert status == 404
    assert words.startswith("There is nothing at /v1/embeddings here. This site offers GET /v1/models")


async def test_cookies_open_nothing(program: Program, model: HostedModel, world: World) -> None:
    client = program._client
    await client.aforce_login(world.editor)
    response = await client.post("/v1/chat/completions", "{}", content_type="application/json")
    assert error_of(response)[0] == 401
    assert response["WWW-Authenticate"] == "Bearer"


async def overtaken(program: Program, said: Callable[[GenerationJob], str]) -> list[Any]:
    """What a program hears where a worker that has `said` something is lost, and another one takes over."""
    stream = program.listen(await program.chat(stream=True, max_tokens=20, seed=5))
    job, (held,) = await only_job(), await in_thread(claim, "lost", ("tiny",), 1)
    first = {"kind": "text", "offset": 0, "text": said(job), "tokens": 3}
    LogWriter(sync_client()).append([Append(held.pk, held.attempt, 1, [first])])
    heard: list[Any] = []
    async for told in stream:
        heard.append(told)
        if text_of([told]):
            break
    assert len(await in_thread(lose, job)) == 1
    engine = ScriptedEngine()
    with running_worker(engine):
        heard += [told async for told in stream]
    engine.stop(drain_seconds=0)
    return heard


async def test_a_lost_worker_is_not_noticed_where_the_next_one_says_the_same(
    program: Program, model: HostedModel
) -> None:
    heard = await overtaken(program, lambda job: expected(job, 3))
    job = await only_job()
    assert job.attempt == 2
    assert text_of(heard) == job.output == expected(job)
    assert heard[-1] == "[DONE]"


async def test_where_the_next_one_says_something_else_the_program_is_told(program: Program, model: HostedModel) -> None:
    heard = await overtaken(program, lambda _: "Something else")
    assert text_of(heard) == "Something else"
    assert heard[-1]["error"]["code"] == "restarted"
