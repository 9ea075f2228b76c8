"""What is told about probabilities, against the model itself; and the bytes of tokens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import AutoModelForCausalLM

from engine.service import EngineThread
from engine.text.logprobs import TokenBytes
from engine.types import ChosenLogprob, FinishEvent, FinishReason, SamplingParams, TextEvent
from tests.engine.device import DEVICE
from tests.engine.recorder import Recorder, submit
from tests.engine.tiny import CORPUS

Make = Callable[..., EngineThread]
PROMPT = [40, 41, 42, 43]


def told(recorder: Recorder) -> list[ChosenLogprob]:
    recorder.finish()
    return [one for event in recorder.events if isinstance(event, TextEvent | FinishEvent) for one in event.logprobs]


def test_they_are_the_models_own_whatever_the_parameters(make_engine: Make, checkpoints: dict[str, Path]) -> None:
    params = SamplingParams(
        temperature=0.5, top_k=5, top_p=0.9, frequency_penalty=1.0, logit_bias={60: 5.0}, seed=3, max_tokens=40,
        ignore_eos=True, logprobs=4,
    )  # fmt: skip
    engine = make_engine()
    beside = submit(engine, "Llama", PROMPT, SamplingParams(seed=8, max_tokens=30, logprobs=20), request_id="beside")
    logprobs = told(submit(engine, "Llama", PROMPT, params))
    assert told(beside)
    assert len(logprobs) == 40
    model = AutoModelForCausalLM.from_pretrained(checkpoints["Llama"], dtype=torch.float32).eval().to(DEVICE)
    tokens = [one.chosen.token for one in logprobs]
    with torch.inference_mode():
        rows = model(torch.tensor([PROMPT + tokens], device=DEVICE)).logits[0, len(PROMPT) - 1 : -1].log_softmax(-1)
    for row, one in zip(rows, logprobs, strict=True):
        assert one.chosen.logprob == pytest.approx(float(row[one.chosen.token]), abs=1e-3)
        assert len(one.top) == 4
        assert [each.logprob for each in one.top] == pytest.approx(row.topk(4).values.tolist(), abs=1e-3)
        for each in one.top:
            assert each.logprob == pytest.approx(float(row[each.token]), abs=1e-3)


def test_every_token_is_told_once_and_the_bytes_are_the_text(make_engine: Make, checkpoints: dict[str, Path]) -> None:
    engine = make_engine()
    tokenizer = Tokenizer.from_file(str(checkpoints["Llama"] / "tokenizer.json"))
    for seed in range(12):
        params = SamplingParams(temperature=1.5, seed=seed, max_tokens=60, logprobs=0, stop=("zzzz",))
        recorder = submit(engine, "Llama", PROMPT, params, request_id=str(seed))
        last, logprobs = recorder.finish(), told(recorder)
        assert len(logprobs) == last.usage.completion_tokens - (last.reason is FinishReason.STOP)
        assert not any(one.top for one in logprobs)
        shown = [one.chosen.text for one in logprobs if one.chosen.token not in tokenizer.get_added_tokens_decoder()]
        assert b"".join(shown).decode(errors="replace") == recorder.text


def test_the_end_of_sequence_token_is_not_told(make_engine: Make) -> None:
    recorder = submit(make_engine(), "Llama", PROMPT, SamplingParams(logit_bias={1: 100}, logprobs=2))
    assert recorder.finish().reason is FinishReason.STOP
    assert recorder.finish().usage.completion_tokens == 1
    assert told(recorder) == []


def test_without_being_asked_nothing_is_told(make_engine: Make) -> None:
    assert not told(submit(make_engine(), "Llama", PROMPT))


def test_bytes_of_byte_level_tokens(checkpoints: dict[str, Path]) -> None:
    tokenizer = Tokenizer.from_file(str(checkpoints["Llama"] / "tokenizer.json"))
    names = TokenBytes(tokenizer)
    for text in (*CORPUS, "<|end|>", "\0\x7f\xa0\n"):
        assert b"".join(names.of(token) for token in tokenizer.encode(text).ids) == text.encode()
    assert names.of(tokenizer.get_vocab_size() + 5) == b""


def test_bytes_of_sentence_pieces() -> None:
    pieces = ["<unk>", "▁", "a", "b", "▁a", *(f"<0x{byte:02X}>" for byte in range(256))]
    vocabulary = {piece: place for place, piece in enumerate(pieces)}
    tokenizer = Tokenizer(models.BPE(vocabulary, [("▁", "a")], unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="never")
    tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    names = TokenBytes(tokenizer)
    ids = tokenizer.encode("ab a 🎉").ids
    assert b"".join(names.of(token) for token in ids) == "ab a 🎉".encode()
    assert tokenizer.decode(ids) == "ab a 🎉"
