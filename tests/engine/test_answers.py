"""Reasoning, answer and tool calls of every family, however the text is cut into pieces."""

from __future__ import annotations

import json
import re
from random import Random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from engine.answers import FORMATS, Answer, Reasoning, Segment, ToolCall, detect_format, parser_for
from engine.answers.harmony import MAX_HEADER
from tests.engine.chat_models import CHATML, REASONING

WEATHER = ToolCall("get_weather", '{"city": "Köln"}', valid=True)
R1_CALL = "<｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n{}\n```<｜tool▁call▁end｜>"
R1_CALLS = f"<｜tool▁calls▁begin｜>{R1_CALL}\n{R1_CALL}<｜tool▁calls▁end｜>".replace("{}", '{"city": "Köln"}')
V31_CALL = '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city": "Köln"}<｜tool▁call▁end｜>'
HERMES = '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Köln"}}\n</tool_call>'
GPT_CALL = 'to=functions.get_weather <|constrain|>json<|message|>{"city": "Köln"}<|call|>'
Said = tuple[str, str, list[ToolCall]]


def parsed(name: str, pieces: list[str], *, opened: bool = False, as_tokens: bool = False) -> Said:
    """The text in these pieces: as they are, or with every mark of the format as a token."""
    marks = FORMATS[name].markers if as_tokens else frozenset()
    parser = parser_for(name, opened=opened, tokens=marks)
    segments: list[Segment] = []
    for piece in pieces:
        segments += parser.marker(piece) if piece in marks else parser.feed(piece)
    return collected(segments + parser.finish())


def collected(segments: list[Segment]) -> Said:
    thoughts = "".join(segment.text for segment in segments if isinstance(segment, Reasoning))
    answer = "".join(segment.text for segment in segments if isinstance(segment, Answer))
    return thoughts, answer, [segment for segment in segments if isinstance(segment, ToolCall)]


CASES: list[tuple[str, bool, str, Any, Any, list[ToolCall]]] = [
    ("plain", False, "  <think>no</think> <tool_call>{}</tool_call>\n", "", None, []),
    ("deepseek-r1", False, "<think>\nTwo and two.\n</think>\n\nFour. ", "Two and two.", "Four. ", []),
    ("deepseek-r1", True, "Hm…\n\n", "Hm…\n\n", "", []),
    ("deepseek-r1", True, "\nTwo\n\n(two)\n</think>\n4 </think> <think>", "Two\n\n(two)", "4 </think> <think>", []),
    ("deepseek-r1", True, "</think>Four", "", "Four", []),
    ("deepseek-r1", False, "Four, said at once. <think>", "", "Four, said at once. <think>", []),
    ("deepseek-r1", True, "a <think> b <tool_call></think>c", "a <think> b <tool_call>", "c", []),
    ("deepseek-r1", True, "cut off</thin", "cut off</thin", "", []),
    ("deepseek-r1", True, f"Hm</think>\n{R1_CALLS}", "Hm", "", [WEATHER, WEATHER]),
    ("deepseek-r1", False, " \n No thoughts", "", " \n No thoughts", []),
    ("deepseek-v3", False, f"Let me see.\n{V31_CALL}", "", "Let me see.\n", [WEATHER]),
    ("deepseek-v3", False, "<think>It has none</think>", "", "<think>It has none</think>", []),
    ("qwen2", False, f"{HERMES}\n{HERMES}", "", "", [WEATHER, WEATHER]),
    ("qwen2", False, f"I look.\n{HERMES}\nDone. </tool_call>", "", "I look.\n\n\nDone. </tool_call>", [WEATHER]),
    ("qwen2", False, "<tool_call>{oops}</tool_call>", "", "", [ToolCall("", "{oops}", valid=False)]),
    ("qwen2", False, '<tool_call>{"name": "f"}</tool_call>', "", "", [ToolCall("f", "{}", valid=True)]),
    ("qwen2", False, '<tool_call>{"name": "f", "argu', "", "", [ToolCall("", '{"name": "f", "argu', valid=False)]),
    ("qwen2", False, '<tool_call>{"name": "f", "parameters": 1}', "", "", [ToolCall("f", "1", valid=False)]),
    ("qwen3", False, f"<think>\n\n</think>\n\nYes.\n{HERMES}", "", "Yes.\n", [WEATHER]),
    ("qwen3", False, f"<think>{HERMES}</think>Yes.", HERMES, "Yes.", []),
    ("think", False, "\n <think>a</think>b<tool_call>", "a", "b<tool_call>", []),
    (
        "harmony", False,
        "<|channel|>analysis<|message|>Two.<|end|><|start|>assistant<|channel|>analysis<|message|>And two.<|end|>"
        "<|start|>assistant<|channel|>final<|message|>Four.<|return|>",
        "Two.\n\nAnd two.", "Four.", [],
    ),
    ("harmony", False, "<|channel|>final<|message|>At <|channel|>once", "", "At <|channel|>once", []),
    (
        "harmony", False,
        f"<|channel|>analysis<|message|>Hm<|end|><|start|>assistant<|channel|>commentary<|message|>I look it up.<|end|>"
        f"<|start|>assistant<|channel|>commentary {GPT_CALL}",
        "Hm", "I look it up.", [WEATHER],
    ),
    ("harmony", False, f" {GPT_CALL}".replace("json", "json ", 1), "", "", [WEATHER]),
    (
        "harmony", False, "<|channel|>commentary to=functions.f<|message|>{<|call|>", "", "",
        [ToolCall("f", "{", valid=False)],
    ),
    ("harmony", False, "<|channel|>analysis<|message|>Hm<|end|><|start|>assist", "Hm", "", []),
    ("harmony", False, "<|channel|>secret<|message|>Hm", "Hm", "", []),
    ("harmony", False, "No channels here.", "", "No channels here.", []),
    ("harmony", False, "No channels here.<|end|>", "", "No channels here.", []),
    ("harmony", False, "x" * (MAX_HEADER + 9), "", "x" * (MAX_HEADER + 9), []),
]  # fmt: skip


def in_tokens(name: str, text: str) -> list[str]:
    """The text with every mark on its own."""
    pattern = "|".join(map(re.escape, FORMATS[name].markers))
    return [piece for piece in re.split(f"({pattern})", text) if piece] if pattern else [text]


@pytest.mark.parametrize(("name", "opened", "text", "thoughts", "answer", "calls"), CASES)
def test_taken_apart(
    name: str, opened: bool, text: str, thoughts: str, answer: str | None, calls: list[ToolCall]
) -> None:
    expected = (thoughts, text if answer is None else answer, calls)
    assert parsed(name, [text], opened=opened) == expected
    assert parsed(name, list(text), opened=opened) == expected
    assert parsed(name, in_tokens(name, text), opened=opened, as_tokens=True) == expected


FRAGMENTS = st.sampled_from(
    [*sorted(set().union(*(found.markers for found in FORMATS.values()))), "analysis", "final", " to=functions.f ",
     "json", '{"name": "f", "arguments": {}}', "function", "f\n```json\n{}\n```", "assistant", " ", "\n\n", "<", "<th",
     "</", "think>", "|>", "🎉", "a b"]
)  # fmt: skip


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(sorted(FORMATS)), st.lists(FRAGMENTS, max_size=14).map("".join), st.booleans(), st.randoms())
def test_never_depends_on_the_pieces(name: str, text: str, opened: bool, chance: Random) -> None:
    cuts = sorted(chance.sample(range(len(text) + 1), chance.randint(0, len(text))))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert parsed(name, pieces, opened=opened) == parsed(name, [text], opened=opened)
    assert parsed(name, in_tokens(name, text), opened=opened, as_tokens=True) == parsed(name, [text], opened=opened)


@settings(deadline=None)
@given(
    st.sampled_from(["think", "deepseek-r1", "deepseek-v3", "qwen2", "qwen3", "plain"]),
    st.lists(FRAGMENTS).map("".join),
)
@example("qwen3", "<think>a</think>b")
def test_no_word_is_lost(name: str, text: str) -> None:
    """Whatever a model writes is somewhere: as reasoning, answer, or in a tool call."""
    thoughts, answer, calls = parsed(name, [text])
    said = thoughts + answer + "".join(call.name + call.arguments for call in calls)
    assert said.count("🎉") == text.count("🎉")


@settings(deadline=None)
@given(st.lists(FRAGMENTS, max_size=8).map("".join))
def test_a_mark_that_is_spelled_out_never_ends_the_reasoning(smuggled: str) -> None:
    """Where the tokenizer has tokens for the marks, text that looks like them is text: nothing leaks."""
    begin = ["<|channel|>", "analysis", "<|message|>"]
    segments: list[Segment] = []
    parser = parser_for("harmony", tokens=FORMATS["harmony"].markers)
    for piece in begin:
        segments += parser.marker(piece) if piece.startswith("<") else parser.feed(piece)
    thoughts, answer, calls = collected(segments + parser.feed(f"x{smuggled}x") + parser.finish())
    assert (thoughts, answer, calls) == (f"x{smuggled}x", "", [])


def test_formats_are_detected_from_what_was_installed() -> None:
    assert detect_format("", "GptOssForCausalLM") == "harmony"
    assert detect_format("{{ '<|channel|>final<|message|>' }}", "") == "harmony"
    assert (
        detect_format("{{ content.split('</think>')[-1] }} <｜tool▁calls▁begin｜>", "Qwen2ForCausalLM") == "deepseek-r1"
    )
    assert detect_format("<｜tool▁calls▁begin｜>", "DeepseekV3ForCausalLM") == "deepseek-v3"
    assert detect_format("<tool_call></tool_call> </think>", "Qwen3ForCausalLM") == "qwen3"
    assert detect_format("<tool_call></tool_call>", "Qwen2ForCausalLM") == "qwen2"
    assert detect_format(REASONING, "LlamaForCausalLM") == "think"
    assert detect_format(CHATML, "LlamaForCausalLM") == "plain"


def test_arguments_given_as_a_string_are_an_object_too() -> None:
    written = json.dumps({"name": "f", "arguments": '{"a": 1}'})
    assert parsed("qwen2", [f"<tool_call>{written}</tool_call>"])[2] == [ToolCall("f", '{"a": 1}', valid=True)]
