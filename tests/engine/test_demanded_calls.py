"""An answer that has to be a call of a tool is one, in the notation of each family: whatever its grammar admits, the
parser of the family reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest
from tokenizers import AddedToken, Tokenizer

from engine.answers import FORMATS, Segment, ToolCall
from engine.answers.demanded import MOST, calls_grammar
from engine.config import EngineConfig
from engine.grammar.process import FormatRefused, GrammarProcess
from engine.service import EngineThread, FolderSource
from engine.text.answer import AnswerStream
from engine.text.prescribed import Prescribed
from engine.types import (
    DemandedCalls,
    FinishReason,
    GenerationRequest,
    OutputFormat,
    ReasoningEvent,
    SamplingParams,
    ToolCallEvent,
)
from tests.engine.chat_models import byte_level
from tests.engine.device import DEVICE
from tests.engine.reciter import make_reciter
from tests.engine.recorder import Recorder
from tests.engine.test_answers import collected

WEATHER: dict[str, Any] = {
    "name": "get_weather",
    "description": "Tells it.",
    "parameters": {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 5}, "days": {"enum": [1, 2, 3]}},
        "required": ["city", "days"],
        "additionalProperties": False,
    },
}
UNIQUE = {"type": "object", "properties": {"days": {"type": "array", "uniqueItems": True}}}
NOW = {"name": "function", "description": "", "parameters": {"type": "object", "additionalProperties": False}}
TOOLS = tuple({"type": "function", "function": function} for function in (WEATHER, NOW))
WRITERS = ("qwen2", "qwen3", "deepseek-v3", "deepseek-r1", "harmony")
END = "<|im_end|>"


def with_marks(name: str, *, as_tokens: bool) -> Tokenizer:
    tokenizer, marks = byte_level(), FORMATS[name].markers
    if as_tokens:
        tokenizer.add_tokens([AddedToken(mark, special=False) for mark in sorted(marks)])
        return tokenizer
    described = json.loads(tokenizer.to_str())
    described["added_tokens"] = [token for token in described["added_tokens"] if token["content"] not in marks]
    return Tokenizer.from_str(json.dumps(described))


class Writer:
    """Writes what the grammar of the calls admits, by chance."""

    def __init__(self, name: str, demanded: DemandedCalls, *, as_tokens: bool = True) -> None:
        self.tokenizer = with_marks(name, as_tokens=as_tokens)
        self.end = self.tokenizer.token_to_id(END)
        self._size = self.tokenizer.get_vocab_size()
        known = {mark: self.tokenizer.token_to_id(mark) for mark in FORMATS[name].markers}
        self.marks = {mark: token for mark, token in known.items() if token is not None}
        self._grammars = GrammarProcess(self.tokenizer.to_str, self._size, frozenset({self.end}))
        self.stream = AnswerStream(self.tokenizer, (), name, [])
        wanted = OutputFormat("lark", calls_grammar(name, demanded, self.marks))
        self.prescribed = Prescribed(self._grammars.follow(wanted, "schema"), self.stream, of_calls=True)
        self.segments: list[Segment] = []

    def write(self, text: str) -> None:
        for token in self.tokenizer.encode(text, add_special_tokens=False).ids:
            self.push(token)

    def push(self, token: int) -> None:
        mask = self.prescribed.mask()
        assert mask is None or mask[token // 8] >> token % 8 & 1, self.tokenizer.id_to_token(token)
        self.prescribed.advance(token)
        self.segments += self.stream.push(token)

    def by_chance(self, chance: Random, most: int = 4000) -> tuple[str, str, list[ToolCall]]:
        for _ in range(most):
            mask = self.prescribed.mask()
            if mask is None:  # it thinks
                self.write("</think>" if "</think>" in self.marks else "<|end|>")
                continue
            allowed = [token for token in range(self._size) if mask[token // 8] >> token % 8 & 1]
            token = self.end if self.end in allowed and chance.random() < 0.5 else chance.choice(allowed)
            if token == self.end:
                break
            self.push(token)
        self.prescribed.close()
        return collected(self.segments + self.stream.finish())


def is_good(call: ToolCall) -> bool:
    arguments = json.loads(call.arguments)
    if call.name == "function":
        return call.valid and arguments == {}
    fits = list(arguments) == ["city", "days"] and len(arguments["city"]) <= 5 and arguments["days"] in (1, 2, 3)
    return call.valid and call.name == "get_weather" and fits


@pytest.mark.parametrize(
    ("name", "as_tokens"), [*((name, True) for name in WRITERS), *((name, False) for name in WRITERS[:-1])]
)
def test_whatever_is_admitted_can_be_read(name: str, as_tokens: bool) -> None:
    assert set(Writer(name, DemandedCalls(TOOLS), as_tokens=as_tokens).marks) == (
        FORMATS[name].markers if as_tokens else set()
    )
    for seed in range(4):
        one = DemandedCalls(TOOLS, only_one=seed % 2 == 0)
        thoughts, answer, calls = Writer(name, one, as_tokens=as_tokens).by_chance(Random(seed))
        assert (thoughts, answer.strip()) == ("", "")
        assert all(map(is_good, calls)), calls
        assert 1 <= len(calls) <= (1 if one.only_one else MOST)


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("qwen2", '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Kiel", "days": 2}}\n</tool_call>'),
        ("qwen3", '<think>\nHm.\n</think>\n\n<tool_call>\n{"name": "function", "arguments": {}}\n</tool_call>'),
        (
            "deepseek-r1",
            "<think>Hm.</think>\n\n<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>get_weather\n```json\n"
            '{"city":"Kiel","days":2}\n```<｜tool▁call▁end｜>\n<｜tool▁call▁begin｜>function<｜tool▁sep｜>function\n'
            "```json\n{}\n```<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        ),
        (
            "deepseek-v3",
            '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>get_weather<｜tool▁sep｜>{"city": "Kiel", "days": 2}'
            "<｜tool▁call▁end｜><｜tool▁calls▁end｜>",
        ),
        (
            "harmony",
            "<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>commentary to=functions.get_weather "
            '<|constrain|>json<|message|>{"city": "Kiel", "days": 2}',
        ),
    ],
)
def test_what_models_of_the_family_write_is_admitted(name: str, written: str) -> None:
    writer = Writer(name, DemandedCalls(TOOLS))
    writer.write(written)
    writer.push(writer.end)
    thoughts, _, calls = collected(writer.segments + writer.stream.finish())
    assert thoughts in ("", "Hm.")
    assert calls
    assert all(map(is_good, calls))


def test_a_schema_that_cannot_be_kept_is_refused_in_words() -> None:
    tool = {"type": "function", "function": WEATHER | {"parameters": UNIQUE}}
    with pytest.raises(FormatRefused, match=r"The schema can't be followed: .*uniqueItems"):
        Writer("qwen2", DemandedCalls((tool,)))


def test_what_a_schema_says_of_the_library_changes_nothing() -> None:
    """Such as that keywords it doesn't know may be left out."""
    odd = UNIQUE | {"x-guidance": {"lenient": True}}
    with pytest.raises(FormatRefused, match="uniqueItems"):
        Writer("qwen2", DemandedCalls(({"type": "function", "function": WEATHER | {"parameters": odd}},)))


Make = Callable[..., EngineThread]


@pytest.mark.parametrize("name", ["qwen2", "deepseek-v3"])
def test_random_weights_call_a_tool(make_engine: Make, name: str) -> None:
    engine = make_engine(max_sequences=4)
    recorder = Recorder(name)
    params = SamplingParams(max_tokens=400, seed=3)
    demanded = DemandedCalls(TOOLS, "get_weather", only_one=True)
    request = GenerationRequest(name, "Llama", (40, 41, 42), params, answer_format=name, demanded=demanded)
    engine.submit(request, recorder)
    assert recorder.finish().reason is FinishReason.STOP
    (call,) = [event for event in recorder.events if isinstance(event, ToolCallEvent)]
    assert is_good(ToolCall(call.name, call.arguments, call.valid))


def test_a_family_whose_calls_are_not_known_is_refused_in_words(make_engine: Make) -> None:
    recorder = Recorder("plain")
    make_engine().submit(GenerationRequest("plain", "Llama", (40,), demanded=DemandedCalls(TOOLS)), recorder)
    end = recorder.finish()
    assert (end.error_code, "can't be held to one" in end.error) == ("bad_request", True)


def test_tools_without_a_form_harm_nobody_else(make_engine: Make) -> None:
    """The site lets none of them through."""
    engine, broken, other = make_engine(), Recorder("broken"), Recorder("other")
    demanded = DemandedCalls(({"type": "function"},))
    engine.submit(GenerationRequest("broken", "Llama", (40,), answer_format="qwen2", demanded=demanded), broken)
    assert broken.finish().error_code == "internal"
    engine.submit(GenerationRequest("other", "Llama", (40,), SamplingParams(max_tokens=3)), other)
    assert other.finish().reason in (FinishReason.LENGTH, FinishReason.STOP)


@pytest.fixture(scope="module")
def thinker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EngineThread, tuple[int, ...]]]:
    """It wants to say: <think>Hm.</think>No.<tool_call>, and the tokens of its prompt."""
    pieces = ["<think>", "Hm.", "</think>", "No.", "<tool_call>", "</tool_call>"]
    folder: Path = make_reciter(tmp_path_factory.mktemp("model"), pieces, after="<|assistant|>")
    engine = EngineThread(FolderSource(only=folder), EngineConfig(device=DEVICE, dtype="float32"))
    engine.start()
    tokens = Tokenizer.from_file(str(folder / "tokenizer.json")).encode("<|assistant|>", add_special_tokens=False).ids
    yield engine, tuple(tokens)
    engine.stop(drain_seconds=0)


def test_it_thinks_freely_and_then_calls(thinker: tuple[EngineThread, tuple[int, ...]]) -> None:
    engine, tokens = thinker
    recorder = Recorder("thinker")
    params = SamplingParams(temperature=0, max_tokens=400)
    demanded = DemandedCalls(TOOLS[:1], only_one=True)
    request = GenerationRequest("thinker", "only", tokens, params, answer_format="qwen3", demanded=demanded)
    engine.submit(request, recorder)
    assert recorder.finish().reason is FinishReason.STOP
    assert "".join(event.text for event in recorder.events if isinstance(event, ReasoningEvent)) == "Hm."
    assert recorder.text.strip() == ""
    (call,) = [event for event in recorder.events if isinstance(event, ToolCallEvent)]
    assert is_good(ToolCall(call.name, call.arguments, call.valid))
