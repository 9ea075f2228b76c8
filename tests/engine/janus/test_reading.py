"""Texts about pictures: greedy, token for token as transformers' `generate` has them."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.service import EngineThread
from engine.types import GenerationRequest, ImageParams, ImageRequest, SamplingParams
from tests.engine.device import DEVICE
from tests.engine.image.drawing import Watcher, png, some_picture
from tests.engine.janus.tiny import IMAGE, SIDE, TOKENS
from tests.engine.recorder import GREEDY, Recorder

MakeEngine = Callable[..., EngineThread]
QUESTION = f"<|User|>: {IMAGE}\nWhat is this?\n\n<|Assistant|>:"
TWO = f"<|User|>: {IMAGE}\n{IMAGE}\nWhich one is larger?\n\n<|Assistant|>:"
PLAIN = "<|User|>: Hello there\n\n<|Assistant|>:"


def pictures(number: int) -> list[np.ndarray]:
    """Of several sizes, none of them the model's."""
    sides = (SIDE, 40, 100)
    return [np.roll(some_picture(sides[place % 3])[: 30 + 5 * place], place, 1) for place in range(number)]


def generated(oracle: Any, processor: Any, text: str, seen: list[np.ndarray], tokens: int = 24) -> list[int]:
    images = [Image.fromarray(one) for one in seen] or None
    inputs = processor(text=[text], images=images, return_tensors="pt").to(DEVICE)
    oracle.generation_config.eos_token_id = None
    with torch.inference_mode():
        output = oracle.generate(**inputs, generation_mode="text", max_new_tokens=tokens, do_sample=False)
    return output[0, inputs.input_ids.shape[1] :].tolist()


def request(
    processor: Any, text: str, seen: list[np.ndarray], request_id: str = "one", params: SamplingParams = GREEDY
) -> GenerationRequest:
    ids = tuple(processor.tokenizer(text).input_ids)
    return GenerationRequest(request_id, "janus", ids, params, images=tuple(png(one) for one in seen))


def ask(engine: EngineThread, wanted: GenerationRequest) -> Recorder:
    recorder = Recorder(wanted.id)
    engine.submit(wanted, recorder)
    return recorder


def text_of(processor: Any, tokens: list[int]) -> str:
    return processor.tokenizer.decode(tokens, skip_special_tokens=True)


CASES = [(QUESTION, 1), (TWO, 2), (PLAIN, 0)]


@pytest.mark.parametrize("prefill", [256, 7])
def test_greedy_equals_transformers(make_engine: MakeEngine, oracle: Any, processor: Any, prefill: int) -> None:
    """All at once, in small pieces or in one."""
    engine = make_engine(prefill_tokens=prefill, stall_factor=float("inf"))
    recorders = [
        ask(engine, request(processor, text, pictures(number), str(place)))
        for place, (text, number) in enumerate(CASES)
    ]
    for recorder, (text, number) in zip(recorders, CASES, strict=True):
        expected = generated(oracle, processor, text, pictures(number))
        last = recorder.finish()
        assert last.error == ""
        assert recorder.text == text_of(processor, expected)
        assert last.usage.completion_tokens == len(expected)
        assert last.usage.prompt_tokens == len(processor.tokenizer(text).input_ids) + number * (TOKENS + 1)


def test_what_is_seen_counts(make_engine: MakeEngine, processor: Any) -> None:
    engine = make_engine()
    one, other = pictures(1)[0], 255 - pictures(1)[0]
    texts = []
    for place, picture in enumerate((one, other, one)):
        recorder = ask(engine, request(processor, QUESTION, [picture], str(place)))
        recorder.finish()
        texts.append(recorder.text)
    assert texts[0] == texts[2] != texts[1]


def test_sampling_stop_strings_and_ends_are_those_of_the_text_engine(
    make_engine: MakeEngine, oracle: Any, processor: Any
) -> None:
    engine = make_engine()
    expected = text_of(processor, generated(oracle, processor, QUESTION, pictures(1)))
    stop = expected[len(expected) // 2 :][:3]
    params = SamplingParams(temperature=0, max_tokens=24, ignore_eos=True, stop=(stop,))
    stopped = ask(engine, request(processor, QUESTION, pictures(1), "stop", params))
    assert stopped.finish().reason == "stop"
    assert stopped.text == expected[: expected.index(stop)]
    seeded = SamplingParams(temperature=1.0, seed=3, max_tokens=20, ignore_eos=True)
    twice = [ask(engine, request(processor, QUESTION, pictures(1), name, seeded)) for name in ("a", "b")]
    for recorder in twice:
        recorder.finish()
    assert twice[0].text == twice[1].text != ""


def test_while_a_picture_is_drawn(make_engine: MakeEngine, oracle: Any, processor: Any) -> None:
    """One loaded model for both, neither disturbing the other."""
    engine = make_engine()
    params = ImageParams("a red apple", width=SIDE, height=SIDE, steps=TOKENS, seed=7)
    alone = Watcher("alone")
    engine.submit(ImageRequest("alone", "janus", params), alone)
    expected = alone.picture()
    watchers = [Watcher(f"picture {number}") for number in range(3)]
    for watcher in watchers:
        engine.submit(ImageRequest(watcher.id, "janus", params), watcher)
    recorder = ask(engine, request(processor, QUESTION, pictures(1)))
    recorder.finish()
    assert recorder.text == text_of(processor, generated(oracle, processor, QUESTION, pictures(1)))
    for watcher in watchers:
        assert np.array_equal(watcher.picture(), expected)
    assert engine.loaded() == ("janus",)


def broken() -> bytes:
    written = io.BytesIO()
    Image.new("RGB", (9, 9)).save(written, "GIF")
    return written.getvalue()


@pytest.mark.parametrize(
    ("text", "images", "code", "words"),
    [
        (QUESTION, (), "bad_request", "places for 1 pictures, and 0 came"),
        (PLAIN, (png(some_picture()),), "bad_request", "places for 0 pictures, and 1 came"),
        (QUESTION, (broken(),), "bad_request", "readable PNG"),
        (QUESTION, (b"<svg/>",), "bad_request", "readable PNG"),
        (IMAGE * 20, (b"unread",) * 20, "context_overflow", "Shorten it"),
    ],
)
def test_what_can_not_be_read_is_told(
    make_engine: MakeEngine, processor: Any, text: str, images: tuple[bytes, ...], code: str, words: str
) -> None:
    ids = tuple(processor.tokenizer(text).input_ids)
    last = ask(make_engine(), GenerationRequest("one", "janus", ids, GREEDY, images=images)).finish()
    assert last.error_code == code
    assert words in last.error


def no_memory(*_given: object, **_more: object) -> None:
    raise torch.OutOfMemoryError("CUDA out of memory")


def test_too_little_memory_for_one_is_no_trouble_for_the_others(
    make_engine: MakeEngine, oracle: Any, processor: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine()
    ask(engine, request(processor, PLAIN, [], "first")).finish()
    (janus,) = engine._residency.engines.values()
    monkeypatch.setattr(janus._model.janus.vision_model, "forward", no_memory)
    recorder = ask(engine, request(processor, QUESTION, pictures(1), "sees"))
    other = ask(engine, request(processor, PLAIN, [], "other"))
    assert recorder.finish().error_code == "out_of_memory"
    other.finish()
    assert other.text == text_of(processor, generated(oracle, processor, PLAIN, []))
