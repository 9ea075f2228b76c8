"""Tools and upstreams: what they are told, and the calls that they stream back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from engine.remote.estimate import estimated_tokens
from engine.types import FinishReason, GenerationRequest, SamplingParams, ToolCallEvent
from tests.engine.faulty_server import DONE, chunk, faulty, says
from tests.engine.recorder import Recorder
from tests.engine.remote_source import remote_engine
from tests.engine.test_chat_tools import called as called_before
from tests.engine.tool_templates import weather

MESSAGES = ({"role": "user", "content": "How is it in Paris?"},)
TOOLS = (weather(), weather(name="get_forecast"))
USAGE = chunk(usage={"prompt_tokens": 90, "completion_tokens": 20})


def calls(*parts: Any, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"tool_calls": list(parts)}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}).encode() + b"\n\n"


def part(index: Any, name: Any = None, arguments: Any = None, **more: Any) -> dict[str, Any]:
    return {"index": index, "function": {"name": name, "arguments": arguments}, **more}


def told(*pieces: bytes, max_tokens: int = 40, messages: Any = MESSAGES) -> tuple[Recorder, dict[str, Any]]:
    """What comes of one request, and what the server was sent."""
    with faulty(says(*pieces)) as server, remote_engine(server.url) as engine:
        recorder = Recorder("one")
        params = SamplingParams(max_tokens=max_tokens)
        engine.submit(GenerationRequest("one", "far", (), params, messages, tools=TOOLS), recorder)
        recorder.finish()
        return recorder, json.loads(server.connections[0].request.partition(b"\r\n\r\n")[2])


def called(recorder: Recorder) -> list[tuple[int, str, str, bool]]:
    found = [event for event in recorder.events if isinstance(event, ToolCallEvent)]
    return [(event.index, event.name, event.arguments, event.valid) for event in found]


def test_calls_come_in_pieces_and_are_told_whole() -> None:
    recorder, body = told(
        chunk("Let me look."),
        calls(part(0, "get_weather", "", id="a", type="function")),
        calls(part(0, None, '{"city": "Pa')),
        calls(part(1, "get_forecast", "")),
        calls(part(0, "", 'ris"}'), part(1, None, "{}")),
        calls(finish="tool_calls"),
        USAGE,
        DONE,
    )
    assert body["tools"] == list(TOOLS)
    assert recorder.text == "Let me look."
    assert called(recorder) == [(0, "get_weather", '{"city": "Paris"}', True), (1, "get_forecast", "{}", True)]
    last = recorder.finish()
    assert (last.reason, last.usage.prompt_tokens, last.usage.completion_tokens) == (FinishReason.STOP, 90, 20)


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([part(0, "get_weather", '{"city": "Pa')], [(0, "get_weather", '{"city": "Pa', False)]),
        ([part(None, "a", "{}"), part("x", "b", "[1]")], [(0, "a", "{}", True), (1, "b", "[1]", False)]),
        (["nonsense", {"index": 0}, {"function": []}, part(3, 7, {})], [(0, "", "{}", False)]),
        ([part(0, "a", '{"x": "\ud83d'), part(0, None, '\ude00"}')], [(0, "a", '{"x": "😀"}', True)]),
    ],
)
def test_what_a_server_gets_wrong_is_told_as_it_is(pieces: list[Any], expected: list[Any]) -> None:
    recorder, _ = told(calls(*pieces), calls(finish="length"), DONE)
    assert called(recorder) == expected
    assert recorder.finish().reason == FinishReason.LENGTH


def test_a_call_without_end_is_cut() -> None:
    recorder, _ = told(*[calls(part(0, "f", "x" * 50))] * 10, max_tokens=2)
    ((_, name, arguments, valid),) = called(recorder)
    assert (len(name) + len(arguments), valid) == (128, False)
    assert recorder.finish().reason == FinishReason.LENGTH


def test_without_a_count_tools_are_estimated_too() -> None:
    recorder, _ = told(chunk("Hm", "stop"), DONE)
    assert recorder.finish().usage.prompt_tokens == estimated_tokens(MESSAGES, TOOLS) > estimated_tokens(MESSAGES) + 50


def test_calls_and_results_are_sent_in_its_form() -> None:
    (answer, result) = called_before()
    recorder, body = told(chunk("Mild.", "stop"), DONE, messages=(*MESSAGES, answer, result))
    sent_answer, sent_result = body["messages"][1:]
    assert sent_answer == answer
    assert sent_result == {"role": "tool", "content": "18 °C", "tool_call_id": "call00000"}
    counted = recorder.finish().usage.prompt_tokens
    assert counted == estimated_tokens((*MESSAGES, answer, result), TOOLS) > estimated_tokens(MESSAGES, TOOLS) + 20
