"""Tokens in, reasoning, answer and tool calls out: with real tokenizers, and through the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer

from engine.answers import FORMATS, Segment
from engine.config import EngineConfig
from engine.service import EngineThread, FolderSource
from engine.text.answer import AnswerStream
from engine.types import (
    FinishEvent,
    FinishReason,
    GenerationRequest,
    ReasoningEvent,
    SamplingParams,
    TextEvent,
    ToolCallEvent,
)
from tests.engine.chat_models import byte_level
from tests.engine.device import DEVICE
from tests.engine.reciter import TURNS, make_reciter
from tests.engine.recorder import Recorder
from tests.engine.test_answers import R1_CALLS, WEATHER, Said, collected
from tests.engine.tiny import make_tokenizer

HARMONY = "<|channel|>analysis<|message|>{}<|end|><|start|>assistant<|channel|>final<|message|>{}<|return|>"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """With tokens for all marks, as the real families have them: DeepSeek's and Qwen's plain, gpt-oss's special."""
    made = byte_level()
    made.add_special_tokens([AddedToken(mark, special=True) for mark in sorted(FORMATS["harmony"].markers)])
    plain = sorted(FORMATS["deepseek-r1"].markers | FORMATS["qwen3"].markers)
    made.add_tokens([AddedToken(mark, special=False) for mark in plain])
    return made


def ids(tokenizer: Tokenizer, text: str) -> list[int]:
    return list(tokenizer.encode(text, add_special_tokens=False).ids)


def spelled(tokenizer: Tokenizer, text: str) -> list[int]:
    """Without the tokens of marks."""
    return [token for character in text for token in ids(tokenizer, character)]


def read(stream: AnswerStream, tokens: list[int]) -> tuple[Said, int]:
    """What came, and how many tokens counted as reasoning."""
    segments: list[Segment] = []
    thought = 0
    for token in tokens:
        segments += stream.push(token)
        thought += stream.reasoning
        if stream.stopped:
            break
    return collected(segments + stream.finish()), thought


def test_marks_that_are_tokens_reach_the_parser(tokenizer: Tokenizer) -> None:
    said, thought = read(
        AnswerStream(tokenizer, (), "deepseek-r1", []), ids(tokenizer, f"<think>\nHm 🎉</think>\n\nYes. {R1_CALLS}")
    )
    assert said == ("Hm 🎉", "Yes. ", [WEATHER, WEATHER])
    assert thought == len(ids(tokenizer, "<think>\nHm 🎉</think>"))


def test_a_reasoning_that_the_template_opened(tokenizer: Tokenizer) -> None:
    prompt = ids(tokenizer, "<|im_start|>assistant\n<think>\n")
    said, thought = read(AnswerStream(tokenizer, (), "qwen3", prompt), ids(tokenizer, "Hm</think>Yes"))
    assert said == ("Hm", "Yes", [])
    assert thought == len(ids(tokenizer, "Hm</think>"))


@pytest.mark.parametrize("prompt", ["<think>\n\n</think>\n\n", "<think> about it", "<|im_start|>assistant\n"])
def test_a_prompt_that_opens_none(tokenizer: Tokenizer, prompt: str) -> None:
    stream = AnswerStream(tokenizer, (), "qwen3", ids(tokenizer, prompt))
    assert read(stream, ids(tokenizer, "Yes"))[0] == ("", "Yes", [])


def test_what_a_person_spells_out_opens_nothing(tokenizer: Tokenizer) -> None:
    stream = AnswerStream(tokenizer, (), "qwen3", spelled(tokenizer, "Say <think>"))
    assert read(stream, ids(tokenizer, "Yes"))[0] == ("", "Yes", [])


def test_harmony_ends_the_turn_by_itself_and_other_control_tokens_are_left_out(tokenizer: Tokenizer) -> None:
    stream = AnswerStream(tokenizer, (), "harmony", [])
    said, thought = read(stream, ids(tokenizer, HARMONY.format("Hm", "Y<|im_end|>es") + "never"))
    assert said == ("Hm", "Yes", [])
    assert stream.stopped
    assert thought == len(ids(tokenizer, "<|message|>Hm<|end|>"))


def test_marks_that_a_model_spells_out_are_text(tokenizer: Tokenizer) -> None:
    whole = ids(tokenizer, "<|channel|>analysis<|message|>") + spelled(tokenizer, "<|end|><|channel|>final<|message|>x")
    assert read(AnswerStream(tokenizer, (), "harmony", []), whole)[0] == ("<|end|><|channel|>final<|message|>x", "", [])


def test_stop_strings_count_in_the_answer_only(tokenizer: Tokenizer) -> None:
    stream = AnswerStream(tokenizer, ("END",), "think", [])
    said, _ = read(stream, ids(tokenizer, "<think>no END yet</think>Yes END and more"))
    assert said == ("no END yet", "Yes ", [])
    assert stream.stopped


def test_a_stop_string_does_not_reach_over_a_tool_call(tokenizer: Tokenizer) -> None:
    stream = AnswerStream(tokenizer, ("END",), "qwen2", [])
    said, _ = read(stream, ids(tokenizer, 'aE<tool_call>{"name": "f"}</tool_call>ND'))
    assert said[1] == "aE\n\nND"
    assert not stream.stopped


def test_bytes_that_never_become_a_character_end_at_a_mark(tokenizer: Tokenizer) -> None:
    half = ids(tokenizer, "🎉")[:-1]
    tokens = [*ids(tokenizer, "<think>"), *half, *ids(tokenizer, "</think>Yes")]
    assert read(AnswerStream(tokenizer, (), "think", []), tokens)[0] == ("�", "Yes", [])


TOGETHER = {
    "deepseek-r1": f"<think>\nHm 🎉 日本語</think>\n\nYes, it is. {R1_CALLS} And more 👩‍👩‍👧‍👦.",
    "qwen3": ' \n<think>Hm</think>Yes <tool_call>{"name": "f"}</tool_call> naïve café',
    "harmony": HARMONY.format("Two and two", "Four 🎉.") + "never",
    "think": "No thoughts, and </think> is text here.",
    "plain": "<think>Text</think> as it comes. 🎉",
}


@pytest.mark.parametrize("answer_format", TOGETHER)
@pytest.mark.parametrize("most", [2, 5, 100])
def test_tokens_taken_together_say_the_same(tokenizer: Tokenizer, answer_format: str, most: int) -> None:
    tokens = [*ids(tokenizer, TOGETHER[answer_format]), *ids(tokenizer, "🎉")[:-1]]
    expected = read(AnswerStream(tokenizer, (), answer_format, []), tokens)
    stream, segments, thought, pushes = AnswerStream(tokenizer, (), answer_format, []), list[Segment](), 0, 0
    while tokens and not stream.stopped:
        count = next((count for count in range(most, 1, -1) if stream.takes_together(tokens[:count])), 1)
        taken, tokens = tokens[:count], tokens[count:]
        segments += stream.push_all(taken) if count > 1 else stream.push(taken[0])
        thought += len(taken) * stream.reasoning
        pushes += 1
    assert (collected(segments + stream.finish()), thought) == expected
    assert pushes < len(ids(tokenizer, TOGETHER[answer_format]))


def test_what_may_not_be_taken_together(tokenizer: Tokenizer) -> None:
    some = ids(tokenizer, "Hm Hm")
    assert AnswerStream(tokenizer, (), "plain", []).takes_together(some)
    assert not AnswerStream(tokenizer, ("END",), "plain", []).takes_together(some)
    assert not AnswerStream(tokenizer, (), "harmony", []).takes_together(some)  # inside a header
    assert not AnswerStream(tokenizer, (), "qwen3", []).takes_together(ids(tokenizer, "Hm<think>"))
    without_marks = make_tokenizer().backend_tokenizer
    assert not AnswerStream(without_marks, (), "qwen3", []).takes_together(ids(without_marks, "Hm Hm"))


def test_marks_without_tokens_are_found_in_the_text() -> None:
    plain = make_tokenizer().backend_tokenizer
    said, _ = read(AnswerStream(plain, (), "qwen3", ids(plain, "<think>\n")), ids(plain, "Hm</think>Yes"))
    assert said == ("Hm", "Yes", [])


class Running:
    """An engine with one model."""

    def __init__(self, folder: Path) -> None:
        self.engine = EngineThread(FolderSource(only=folder), EngineConfig(device=DEVICE, dtype="float32"))
        self.engine.start()
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def ask(self, prompt: str, answer_format: str, **params: Any) -> Recorder:
        recorder = Recorder(f"{answer_format} {prompt}")
        sampling = SamplingParams(**{"temperature": 0.0} | params)
        tokens = tuple(ids(self.tokenizer, prompt))
        request = GenerationRequest(recorder.id, "only", tokens, sampling, answer_format=answer_format)
        self.engine.submit(request, recorder)
        recorder.finish()
        return recorder


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[[Path], Running]]:
    started: list[Running] = []

    def start(folder: Path) -> Running:
        started.append(Running(folder))
        return started[-1]

    yield start
    for each in started:
        each.engine.stop(drain_seconds=0)


def heard(recorder: Recorder) -> tuple[str, str, list[tuple[str, str, bool]]]:
    """After checking that the offsets of both texts count their own characters."""
    thoughts = ""
    calls = []
    for event in recorder.events:
        if isinstance(event, ReasoningEvent):
            assert event.offset == len(thoughts)
            thoughts += event.text
        elif isinstance(event, ToolCallEvent):
            assert event.index == len(calls)
            calls.append((event.name, event.arguments, event.valid))
    return thoughts, recorder.text, calls


CALL = '{"name": "get_weather", "arguments": {"city": "Köln"}}'
RECITED = {
    "qwen3": ["Two ", "and ", "two.", "</think>", "\n\n", "Four.", "<tool_call>", CALL, "</tool_call>"],
    "harmony": [
        "<|channel|>", "analysis", "<|message|>", "Two and two.", "<|end|>", "<|start|>", "assistant to=functions.f",
        "\n", '{"city": "Köln"}', "<|call|>", "never said",
    ],
}  # fmt: skip


def test_a_model_that_thinks_answers_and_asks_for_a_tool(tmp_path: Path, run: Any) -> None:
    recorder = run(make_reciter(tmp_path / "model", RECITED["qwen3"])).ask("<|user|>2+2?<|assistant|><think>", "qwen3")
    assert heard(recorder) == ("Two and two.", "Four.", [("get_weather", '{"city": "Köln"}', True)])
    end = recorder.finish()
    assert (end.reason, end.usage.completion_tokens, end.usage.reasoning_tokens) == (FinishReason.STOP, 10, 4)


def test_only_tokens_of_the_answer_are_told_with_their_probabilities(tmp_path: Path, run: Any) -> None:
    def told(answer_format: str, prompt: str, **made: str) -> list[str]:
        running = run(make_reciter(tmp_path / answer_format, RECITED[answer_format], **made))
        recorder = running.ask(prompt, answer_format, logprobs=2)
        events = [event for event in recorder.events if isinstance(event, TextEvent | FinishEvent)]
        return [one.chosen.text.decode() for event in events for one in event.logprobs]

    assert [word.strip() for word in told("qwen3", "<|user|>2+2?<|assistant|><think>")] == ["", "Four."]
    assert told("harmony", "<|user|>2+2?<|assistant|>", template=TURNS, after="<|assistant|>") == []


def test_the_limit_counts_reasoning_and_answer(tmp_path: Path, run: Any) -> None:
    running = run(make_reciter(tmp_path / "model", RECITED["qwen3"]))
    recorder = running.ask("<think>", "qwen3", max_tokens=6, stop=("and",))
    assert heard(recorder) == ("Two and two.", "Four.", [])
    assert recorder.finish().reason == FinishReason.LENGTH
    recorder = running.ask("<think>", "qwen3", max_tokens=2)
    assert heard(recorder) == ("Two and ", "", [])
    assert recorder.finish().usage.reasoning_tokens == 2


def test_a_plain_model_is_read_as_it_writes(tmp_path: Path, run: Any) -> None:
    recorder = run(make_reciter(tmp_path / "model", RECITED["qwen3"])).ask("<think>", "plain")
    assert heard(recorder) == ("", "".join(RECITED["qwen3"]), [])
    assert recorder.finish().usage.reasoning_ms is None


def test_harmony_stops_where_a_tool_is_called(tmp_path: Path, run: Any) -> None:
    pieces = RECITED["harmony"]
    folder = make_reciter(tmp_path / "model", pieces, template=TURNS, after="<|assistant|>")
    recorder = run(folder).ask("<|user|>2+2?<|assistant|>", "harmony")
    assert heard(recorder)[0] == "Two and two."
    assert recorder.finish().reason == FinishReason.STOP


def test_an_unknown_format_is_refused(tmp_path: Path, run: Any) -> None:
    recorder = run(make_reciter(tmp_path / "model", ["a"])).ask("<think>", "nonsense")
    assert recorder.finish().error_code == "bad_request"
