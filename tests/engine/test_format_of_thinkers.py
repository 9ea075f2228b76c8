"""A model that thinks first is free to; the format is that of its answer."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tokenizers import AddedToken, Tokenizer

from engine.answers import FORMATS
from engine.config import EngineConfig
from engine.grammar.process import GrammarProcess
from engine.service import EngineThread, FolderSource
from engine.text.answer import AnswerStream
from engine.text.prescribed import Prescribed
from engine.types import (
    FinishEvent,
    FinishReason,
    GenerationRequest,
    OutputFormat,
    ReasoningEvent,
    SamplingParams,
    TextEvent,
)
from tests.engine.chat_models import byte_level
from tests.engine.device import DEVICE
from tests.engine.reciter import make_reciter
from tests.engine.recorder import Recorder

DIGITS = OutputFormat("regex", "[0-9]{3}")
OBJECT = {"type": "object", "properties": {"n": {"type": "integer", "maximum": 9, "minimum": 0}}, "required": ["n"]}
SCHEMA = OutputFormat("json_schema", json.dumps(OBJECT | {"additionalProperties": False}))
Ask = Callable[[str, OutputFormat | None], Recorder]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Ask a model that wants to say: <think>Two and two.</think>Four."""
    folder = make_reciter(
        tmp_path_factory.mktemp("model"),
        ["<think>", "Two ", "and ", "two.", "</think>", "Four."],
        after="<|assistant|>",
    )
    engine = EngineThread(FolderSource(only=folder), EngineConfig(device=DEVICE, dtype="float32"))
    engine.start()
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    def make(prompt: str, wanted: OutputFormat | None) -> Recorder:
        recorder = Recorder(f"{prompt} {wanted.kind if wanted else 'text'}")
        tokens = tuple(tokenizer.encode(prompt, add_special_tokens=False).ids)
        params = SamplingParams(temperature=0, output_format=wanted, max_tokens=60, logprobs=None if wanted else 2)
        engine.submit(GenerationRequest(recorder.id, "only", tokens, params, answer_format="think"), recorder)
        return recorder

    yield make
    engine.stop(drain_seconds=0)


def test_probabilities_of_the_thoughts_are_not_told(ask: Ask) -> None:
    recorder = ask("<|assistant|>", None)
    recorder.finish()
    told = [one for event in recorder.events if isinstance(event, TextEvent | FinishEvent) for one in event.logprobs]
    assert b"".join(one.chosen.text for one in told).decode() == recorder.text == "Four."


def thoughts(recorder: Recorder) -> str:
    return "".join(event.text for event in recorder.events if isinstance(event, ReasoningEvent))


@pytest.mark.parametrize("prompt", ["<|assistant|>", "<|assistant|><think>"])
def test_it_thinks_freely_and_answers_in_the_format(ask: Ask, prompt: str) -> None:
    written, described = ask(prompt, DIGITS), ask(prompt, SCHEMA)
    for recorder in (written, described):
        assert recorder.finish().reason is FinishReason.STOP
        assert thoughts(recorder) == "Two and two."
    assert re.fullmatch("[0-9]{3}", written.text)
    assert set(json.loads(described.text)) == {"n"}


def test_where_the_answer_begins_unseen_it_is_refused(tmp_path: Path) -> None:
    """Its tokenizer spells `</think>` out."""
    folder = make_reciter(tmp_path / "model", ["Hm", "Yes"], after="go")
    engine = EngineThread(FolderSource(only=folder), EngineConfig(device=DEVICE, dtype="float32"))
    engine.start()
    tokens = tuple(Tokenizer.from_file(str(folder / "tokenizer.json")).encode("<think>", add_special_tokens=False).ids)
    recorder = Recorder("one")
    request = GenerationRequest("one", "only", tokens, SamplingParams(output_format=DIGITS), answer_format="think")
    engine.submit(request, recorder)
    end = recorder.finish()
    engine.stop(drain_seconds=0)
    assert (end.error_code, "can't be told before its answer" in end.error) == ("bad_request", True)


def test_the_channels_of_gpt_oss() -> None:
    tokenizer = byte_level()
    tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in sorted(FORMATS["harmony"].markers)])
    grammars = GrammarProcess(tokenizer.to_str, tokenizer.get_vocab_size(), frozenset({0}))
    stream = AnswerStream(tokenizer, (), "harmony", [])
    assert stream.tells_answer
    prescribed = Prescribed(grammars.follow(OutputFormat("regex", "ab")), stream)

    def write(text: str) -> None:
        for token in tokenizer.encode(text, add_special_tokens=False).ids:
            prescribed.advance(token)
            stream.push(token)

    write("<|channel|>analysis<|message|>Say ab.")
    assert prescribed.mask() is None
    write("<|end|><|start|>assistant<|channel|>final")
    assert prescribed.mask() is None
    write("<|message|>")
    first = prescribed.mask()
    write("a")
    assert first is not None
    assert prescribed.mask() not in (None, first)
    prescribed.close()
