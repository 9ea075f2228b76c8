"""The engine thread: every accepted request ends in exactly one finish event, whatever happens."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import replace
from typing import cast

import pytest
import torch

from engine.service import EngineStopped, EngineThread
from engine.text.adapters.adapter import Adapter
from engine.text.engine import TextEngine
from engine.text.pacing import MOST_PASSES
from engine.text.scheduler import Step
from engine.ticket import Ticket
from engine.types import (
    Event,
    FinishEvent,
    FinishReason,
    GenerationRequest,
    LoadingEvent,
    SamplingParams,
    StartedEvent,
    TextEvent,
)
from tests.engine.device import DEVICE
from tests.engine.recorder import GREEDY, Recorder, submit

PROMPT = [10, 20, 30, 40, 50]
LONG = SamplingParams(temperature=0, max_tokens=500, ignore_eos=True)
Make = Callable[..., EngineThread]


def test_a_request_is_loaded_started_told_and_finished(make_engine: Make) -> None:
    engine = make_engine()
    recorder = submit(engine, "Llama", PROMPT)
    last = recorder.finish()
    assert recorder.kinds[:3] == [LoadingEvent, StartedEvent, TextEvent]
    assert last.reason == FinishReason.LENGTH
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (5, 24)
    assert last.usage.load_ms is not None
    assert last.usage.ttft_ms is not None
    assert last.usage.decode_ms is not None
    assert 0 < last.usage.ttft_ms < 60_000
    assert 0 < last.usage.device_ms <= last.usage.ttft_ms + last.usage.decode_ms
    again = submit(engine, "Llama", PROMPT)
    assert again.finish().usage.load_ms is None
    assert again.kinds[0] is StartedEvent
    assert again.text == recorder.text
    assert engine.unfinished() == 0
    assert engine.loaded() == ("Llama",)
    assert engine.is_loaded("Llama")


def test_counters(make_engine: Make) -> None:
    engine = make_engine()
    submit(engine, "Llama", PROMPT).finish()
    metrics = engine.metrics()
    assert (metrics.steps, metrics.prompt_tokens, metrics.completion_tokens) == (24, 5, 24)
    assert metrics.busy_seconds > 0
    assert (metrics.running, metrics.waiting, metrics.loads, metrics.loading) == (0, 0, 1, None)


@pytest.mark.parametrize(
    ("prompt", "params", "code", "words"),
    [
        ([], GREEDY, "bad_request", "empty"),
        ([5, 99999], GREEDY, "bad_request", "token ids"),
        ([5, -1], GREEDY, "bad_request", "token ids"),
        ([7] * 520, GREEDY, "context_overflow", "9 over the 511"),
        ([7], SamplingParams(temperature=-1), "bad_request", "temperature"),
        ([7], SamplingParams(temperature=float("nan")), "bad_request", "finite"),
        ([7], SamplingParams(top_p=1.5), "bad_request", "top_p"),
        ([7], SamplingParams(max_tokens=0), "bad_request", "max_tokens"),
        ([7], SamplingParams(stop=("",)), "bad_request", "stop string"),
        ([7], SamplingParams(repetition_penalty=0.0), "bad_request", "repetition penalty"),
        ([7], SamplingParams(top_k=-1), "bad_request", "top_k"),
    ],
)
def test_a_bad_request_ends_with_a_sentence(
    make_engine: Make, prompt: list[int], params: SamplingParams, code: str, words: str
) -> None:
    last = submit(make_engine(), "Llama", prompt, params).finish()
    assert (last.reason, last.error_code) == (FinishReason.ERROR, code)
    assert words in last.error


def test_stop_strings_are_cut_off(make_engine: Make) -> None:
    engine = make_engine()
    recorder = submit(engine, "Llama", PROMPT, GREEDY, "whole")
    recorder.finish()
    whole = recorder.text
    stop = whole[20:24]
    cut = submit(engine, "Llama", PROMPT, replace(GREEDY, stop=(stop,)), "cut")
    assert cut.finish().reason == FinishReason.STOP
    assert cut.text == whole[: whole.index(stop)]


def test_cancel_takes_effect_within_a_step_and_keeps_the_text(make_engine: Make) -> None:
    engine = make_engine()
    seen = threading.Event()
    recorder = submit(engine, "Llama", PROMPT, LONG, on_event=lambda event: isinstance(event, TextEvent) and seen.set())
    assert seen.wait(60)
    before = engine.metrics().steps
    engine.cancel("one")
    last = recorder.finish()
    assert last.reason == FinishReason.CANCELLED
    assert 0 < last.usage.completion_tokens < 500
    assert engine.metrics().steps - before <= (3 if DEVICE == "cpu" else 3 * MOST_PASSES)
    assert recorder.text


def test_cancel_while_waiting_and_in_prefill(make_engine: Make) -> None:
    engine = make_engine(max_sequences=1, prefill_tokens=1)
    started = threading.Event()
    reading = submit(
        engine, "Llama", [9] * 400, LONG, "reading",
        on_event=lambda event: isinstance(event, StartedEvent) and started.set(),
    )  # fmt: skip
    waiting = submit(engine, "Llama", PROMPT, LONG, "waiting")
    assert started.wait(60)
    engine.cancel("waiting")
    assert waiting.finish().reason == FinishReason.CANCELLED
    assert StartedEvent not in waiting.kinds
    engine.cancel("reading")
    assert reading.finish().usage.completion_tokens == 0
    assert submit(engine, "Llama", PROMPT).finish().reason == FinishReason.LENGTH


def test_cancel_while_loading(make_engine: Make) -> None:
    engine = make_engine()
    recorder = submit(
        engine, "Llama", PROMPT, LONG,
        on_event=lambda event: isinstance(event, LoadingEvent) and engine.cancel("one"),
    )  # fmt: skip
    assert recorder.finish().reason == FinishReason.CANCELLED
    assert recorder.kinds == [LoadingEvent, FinishEvent]


def test_what_is_being_loaded_is_told_as_long_as_it_is(make_engine: Make) -> None:
    engine = make_engine()
    said: list[tuple[str, ...]] = []
    recorder = submit(
        engine, "Llama", PROMPT,
        on_event=lambda event: isinstance(event, LoadingEvent) and said.append(engine.loading()),
    )  # fmt: skip
    assert recorder.finish().reason == FinishReason.LENGTH
    assert ("Llama",) in said
    assert (engine.loading(), engine.loaded()) == ((), ("Llama",))


def test_many_threads_submit_and_cancel(make_engine: Make) -> None:
    engine = make_engine(max_sequences=5, prefill_tokens=9)
    recorders: list[Recorder] = []

    def client(number: int) -> None:
        for turn in range(6):
            request_id = f"{number}-{turn}"
            params = SamplingParams(temperature=1, seed=number, max_tokens=5 + turn * 7)
            recorders.append(
                submit(engine, "Qwen3" if number % 2 else "Llama", [number + 5] * (turn * 9 + 1), params, request_id)
            )
            if turn % 3 == 2:
                time.sleep(0.01)
                engine.cancel(request_id)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    reasons = [recorder.finish().reason for recorder in recorders]
    assert len(reasons) == 36
    assert FinishReason.ERROR not in reasons
    assert engine.unfinished() == 0


def test_an_id_in_use_is_not_accepted(make_engine: Make) -> None:
    engine = make_engine()
    first = submit(engine, "Llama", PROMPT, LONG)
    with pytest.raises(ValueError, match="one"):
        submit(engine, "Llama", PROMPT)
    engine.cancel("one")
    first.finish()


def test_a_broken_sink_ends_its_own_request_only(make_engine: Make) -> None:
    engine = make_engine()

    def broken(event: Event) -> None:
        if isinstance(event, TextEvent):
            raise ConnectionError("gone")

    bad = submit(engine, "Llama", PROMPT, LONG, "bad", on_event=broken)
    good = submit(engine, "Llama", PROMPT, GREEDY, "good")
    assert good.finish().reason == FinishReason.LENGTH
    assert bad.finish().error_code == "internal"
    assert engine.unfinished() == 0


def test_stop_drains(make_engine: Make) -> None:
    engine = make_engine()
    recorder = submit(engine, "Llama", PROMPT)
    engine.stop(drain_seconds=60)
    assert recorder.finish().reason == FinishReason.LENGTH
    assert not engine.is_alive()
    with pytest.raises(EngineStopped):
        submit(engine, "Llama", PROMPT)


def test_stop_ends_what_is_left(make_engine: Make) -> None:
    engine = make_engine(max_sequences=2, prefill_tokens=1)
    recorders = [submit(engine, "Llama", [9] * 400, LONG, str(number)) for number in range(6)]
    engine.stop(drain_seconds=0)
    assert [recorder.finish().error_code for recorder in recorders] == ["shutdown"] * 6
    assert engine.unfinished() == 0


def test_a_crash_of_the_thread_ends_every_request(make_engine: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine()
    started = threading.Event()
    running = submit(
        engine, "Llama", PROMPT, LONG, "running",
        on_event=lambda event: isinstance(event, TextEvent) and started.set(),
    )  # fmt: skip
    assert started.wait(60)

    def crash() -> None:
        raise SystemError("the roof fell in")

    monkeypatch.setattr(engine._residency, "advance", crash)
    last = running.finish()
    assert (last.reason, last.error_code) == (FinishReason.ERROR, "lost")
    engine._thread.join(10)
    assert not engine.is_alive()
    with pytest.raises(EngineStopped):
        engine.submit(GenerationRequest("late", "Llama", (1,)), Recorder("late"))


def test_a_request_that_nobody_foresaw_ends_alone(make_engine: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether its model is loaded for it or there already."""
    add = TextEngine.add

    def odd(engine: TextEngine, ticket: Ticket) -> None:
        if ticket.id.startswith("odd"):
            raise TypeError("what is this?")
        add(engine, ticket)

    monkeypatch.setattr(TextEngine, "add", odd)
    engine = make_engine()
    first = submit(engine, "Llama", PROMPT, request_id="odd")
    running = submit(engine, "Llama", PROMPT, LONG, "running")
    assert first.finish().error_code == "internal"
    assert submit(engine, "Llama", PROMPT, request_id="odder").finish().error_code == "internal"
    assert running.finish().reason == FinishReason.LENGTH
    assert engine.is_alive()


def test_a_device_that_answers_nothing_any_more_ends_the_engine(make_engine: Make) -> None:
    """Or each request would fail of what the first one met, for as long as the process lives."""
    engine = make_engine()
    submit(engine, "Llama", PROMPT, request_id="first").finish()
    text = cast(TextEngine, engine._residency.engines["Llama"])

    def broken(step: Step, adapters: Several[Adapter | None]) -> torch.Tensor:
        raise RuntimeError("an illegal memory access was encountered")

    text._runner.run = broken  # type: ignore[method-assign]
    text._runner.go_on = lambda *given: None  # type: ignore[method-assign]
    failed = submit(engine, "Llama", PROMPT, request_id="alone")
    assert failed.finish().error_code == "internal"
    assert engine.is_alive()
    text._computing._model = replace(text._model, device=torch.device("xpu"))  # none here, so it doesn't answer
    lost = [submit(engine, "Llama", PROMPT, request_id=name) for name in ("one", "two")]
    assert {each.finish().error_code for each in lost} == {"lost"}
    engine._thread.join(10)
    assert not engine.is_alive()
