"""Upstreams that leave the marks of reasoning and tool calls in their text: taken apart here, however it is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.answers import FORMATS
from engine.types import FinishReason, GenerationRequest, SamplingParams, StartedEvent, ToolCallEvent
from tests.engine.faulty_server import DONE, HEAD, Script, chunk, faulty, says, then_hangs
from tests.engine.openai_server import KEY, OpenAIServer, serving
from tests.engine.reciter import THINKING, TURNS, make_reciter
from tests.engine.recorder import Recorder
from tests.engine.remote_source import remote_engine
from tests.engine.started import started_engines

R1 = "<think>secret plan</think>\n\nFour"
CALL = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Köln"}}\n</tool_call>'
THINKS = b'data: {"choices": [{"delta": {"reasoning_content": "Hm."}}]}\n\n'


def told(answer_format: str, script: Script, **of_upstream: Any) -> Recorder:
    with faulty(script) as server, remote_engine(server.url, **of_upstream) as engine:
        recorder = Recorder("one")
        submit(engine, answer_format, recorder)
        recorder.finish()
        return recorder


def submit(engine: Any, answer_format: str, recorder: Recorder, max_tokens: int = 40) -> None:
    messages = ({"role": "user", "content": "2+2?"},)
    params = SamplingParams(max_tokens=max_tokens, temperature=0)
    engine.submit(GenerationRequest("one", "far", (), params, messages, answer_format), recorder)


def in_pieces(text: str, *, size: int, finish: str = "stop") -> list[bytes]:
    return [*(chunk(text[at : at + size]) for at in range(0, len(text), size)), chunk("", finish)]


def called(recorder: Recorder) -> list[tuple[int, str, str, bool]]:
    found = [event for event in recorder.events if isinstance(event, ToolCallEvent)]
    return [(event.index, event.name, event.arguments, event.valid) for event in found]


@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_thoughts_in_the_text_are_reasoning(size: int) -> None:
    recorder = told("deepseek-r1", says(*in_pieces(R1, size=size), DONE))
    assert (recorder.reasoning, recorder.text) == ("secret plan", "Four")
    usage = recorder.finish().usage
    assert 0 < usage.reasoning_tokens <= usage.completion_tokens == -(-len(R1) // size)
    assert usage.reasoning_ms is not None


@pytest.mark.parametrize("size", [1, 5, 200])
def test_calls_in_the_text_are_calls(size: int) -> None:
    text = f"<think>Look.</think>I look.\n{CALL}\n{CALL}"
    recorder = told("qwen3", says(*in_pieces(text, size=size), DONE))
    assert (recorder.reasoning, recorder.text) == ("Look.", "I look.\n")
    assert called(recorder) == [(place, "get_weather", '{"city": "Köln"}', True) for place in (0, 1)]


@pytest.mark.parametrize(
    ("answer_format", "opened", "text", "reasoning", "answer"),
    [
        ("plain", False, R1, "", R1),
        ("plain", True, R1, "", R1),
        ("deepseek-r1", True, "secret plan</think>\n\nFour", "secret plan", "Four"),
        ("deepseek-r1", False, "Four. <think>", "", "Four. <think>"),
        ("deepseek-r1", False, "<think>secret</thi", "secret</thi", ""),
        ("deepseek-r1", False, "<thin", "", "<thin"),
        ("deepseek-r1", True, "never done ", "never done ", ""),
        ("harmony", False, "Read there <|message|>.", "", "Read there <|message|>."),
    ],
)
def test_marks_where_they_mean_something(
    answer_format: str, opened: bool, text: str, reasoning: str, answer: str
) -> None:
    for size in (1, 1000):
        script = says(*in_pieces(text, size=size, finish="length"), DONE)
        recorder = told(answer_format, script, opens_reasoning=opened)
        assert (recorder.reasoning, recorder.text) == (reasoning, answer)
        assert recorder.finish().reason == FinishReason.LENGTH


@pytest.mark.parametrize("opened", [False, True])
def test_what_the_server_takes_apart_itself_is_believed(opened: bool) -> None:
    script = says(chunk("\n"), THINKS, THINKS, chunk("Four.", "stop"), DONE)
    recorder = told("deepseek-r1", script, opens_reasoning=opened)
    assert (recorder.reasoning, recorder.text.strip()) == ("Hm.Hm.", "Four.")
    assert recorder.finish().usage.reasoning_tokens == 2 + opened, "the line break, too"


@pytest.mark.parametrize(
    ("counted", "reasoning"),
    [
        ({}, 6),
        ({"completion_tokens_details": {"reasoning_tokens": 7}}, 7),
        ({"reasoning_tokens": 8}, 8),
        ({"completion_tokens_details": {"reasoning_tokens": 0}}, 6),
        ({"completion_tokens_details": {"reasoning_tokens": 99}}, 12),
        ({"completion_tokens_details": ["7"], "reasoning_tokens": -1}, 6),
    ],
)
def test_tokens_of_the_reasoning(counted: dict[str, Any], reasoning: int) -> None:
    """The server's own count, else the share that its pieces had: half of them here, of twelve tokens."""
    pieces = [chunk("<think>a"), chunk("b"), chunk("c</think>"), chunk("d"), chunk("e"), chunk("f", "stop")]
    usage = {"prompt_tokens": 5, "completion_tokens": 12} | counted
    told_usage = told("think", says(*pieces, chunk(usage=usage), DONE)).finish().usage
    assert (told_usage.completion_tokens, told_usage.reasoning_tokens) == (12, reasoning)


@pytest.mark.parametrize(
    ("text", "reasoning", "answer", "calls"),
    [
        ("<think>half a tho </", "half a tho </", "", []),
        ("<think>done</think>Fo <", "done", "Fo <", []),
        ('I look.<tool_call>{"name": "f"', "", "I look.", [(0, "", '{"name": "f"', False)]),
    ],
)
def test_what_is_held_back_is_told_at_every_end(text: str, reasoning: str, answer: str, calls: list[Any]) -> None:
    broken = told("qwen3", says(chunk(text)))
    with faulty(then_hangs(HEAD, chunk(text))) as server, remote_engine(server.url) as engine:
        cancelled = Recorder("one", lambda event: None if isinstance(event, StartedEvent) else engine.cancel("one"))
        submit(engine, "qwen3", cancelled)
        cancelled.finish()
        assert server.connections[0].closed.wait(60)
    for recorder, code in ((broken, "upstream_broken"), (cancelled, "")):
        assert (recorder.reasoning, recorder.text, called(recorder)) == (reasoning, answer, calls)
        assert recorder.finish().error_code == code


def test_more_than_an_answer_may_have_is_cut_in_the_reasoning_too() -> None:
    def script(connection: Any) -> None:
        connection.send(HEAD, chunk("<think>"))
        while not connection.closed.is_set():
            connection.send(chunk("x" * 1000))

    with faulty(script) as server, remote_engine(server.url) as engine:
        recorder = Recorder("one")
        submit(engine, "think", recorder, max_tokens=100)
        assert recorder.finish().reason == FinishReason.LENGTH
    assert (recorder.text, len(recorder.reasoning)) == ("", 6400 - len("<think>"))


@pytest.mark.parametrize("opened", [False, True])
def test_a_real_server_without_a_parser_of_reasoning(opened: bool, tmp_path: Path) -> None:
    thoughts = ["Two", " and", " two", "</think>", "\n\n", "Four", "!"]
    pieces, after, template = (thoughts, "<think>", THINKING) if opened else (
        ["<think>", *thoughts], "<|assistant|>", TURNS
    )  # fmt: skip
    folder = make_reciter(tmp_path / "model", pieces, template=template, after=after)
    with (
        started_engines() as start,
        serving(OpenAIServer(start({"reciter": folder}), "reciter", folder)) as url,
        remote_engine(url, model="reciter", api_key=KEY, opens_reasoning=opened) as engine,
    ):
        recorder = Recorder("one")
        submit(engine, "deepseek-r1", recorder)
        usage = recorder.finish().usage
    assert (recorder.reasoning, recorder.text) == ("Two and two", "Four!")
    assert not usage.estimated
    assert 0 < usage.reasoning_tokens < usage.completion_tokens


def test_only_formats_that_text_can_have_are_read_in_it() -> None:
    assert [name for name, found in FORMATS.items() if not found.in_text] == ["harmony"]
