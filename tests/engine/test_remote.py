"""Upstreams that behave: a real server with a real model, asked over a real socket."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.service import EngineStopped, EngineThread
from engine.types import TOO_LATE, FinishReason, GenerationRequest, SamplingParams, StartedEvent
from tests.engine.openai_server import KEY, OpenAIServer, serving
from tests.engine.recorder import Recorder, submit
from tests.engine.remote_source import ask, remote_engine

PARAMS = SamplingParams(
    temperature=0.8, max_tokens=40, seed=7, ignore_eos=True, top_k=50, repetition_penalty=1.1, presence_penalty=0.5,
    frequency_penalty=0.7,
)  # fmt: skip


@pytest.fixture
def local(make_engine: Callable[..., EngineThread]) -> EngineThread:
    return make_engine()


@pytest.fixture
def app(local: EngineThread, checkpoints: dict[str, Path]) -> OpenAIServer:
    return OpenAIServer(local, "Llama", checkpoints["Llama"])


@pytest.fixture
def url(app: OpenAIServer) -> Iterator[str]:
    with serving(app) as url:
        yield url


def test_the_text_is_what_the_server_s_engine_says(url: str, app: OpenAIServer, local: EngineThread) -> None:
    prompt = app.format.encode([{"role": "user", "content": "Where is 日本? 🎉"}])
    here = submit(local, "Llama", prompt, PARAMS)
    here.finish()
    with remote_engine(url, model="Llama", api_key=KEY) as engine:
        there = ask(engine, "Where is 日本? 🎉", PARAMS)
        last = there.finish()
    assert there.text == here.text
    assert there.kinds[0] is StartedEvent
    assert (last.reason, last.error) == (FinishReason.LENGTH, "")
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (len(prompt), 40)
    assert not last.usage.estimated
    assert last.usage.ttft_ms is not None
    assert last.usage.device_ms >= last.usage.ttft_ms * 0.5
    sent = app.bodies[-1]
    assert (sent["seed"], sent["presence_penalty"], sent["frequency_penalty"]) == (7, 0.5, 0.7)


def test_how_long_to_think_is_said_in_the_server_s_words(url: str, app: OpenAIServer) -> None:
    with remote_engine(url, model="Llama", api_key=KEY) as engine:
        recorder = Recorder("one")
        messages = ({"role": "user", "content": "Hm"},)
        params = SamplingParams(max_tokens=2)
        engine.submit(GenerationRequest("one", "far", (), params, messages, effort="low"), recorder)
        recorder.finish()
    assert app.bodies[-1]["reasoning_effort"] == "low"


def test_what_changes_nothing_is_not_sent(url: str, app: OpenAIServer) -> None:
    with remote_engine(url, model="Llama", api_key=KEY) as engine:
        ask(engine, params=SamplingParams(max_tokens=2)).finish()
    assert set(app.bodies[-1]) == {
        "model", "messages", "stream", "stream_options", "max_tokens", "temperature", "top_p"
    }  # fmt: skip


def test_without_the_server_s_count_ours_is_an_estimate(url: str, app: OpenAIServer) -> None:
    app.with_usage = False
    with remote_engine(url, model="Llama", api_key=KEY) as engine:
        usage = ask(engine, params=PARAMS).finish().usage
    assert usage.estimated
    assert 0 < usage.completion_tokens <= 40
    assert usage.prompt_tokens > 0


def test_stop_strings_are_the_server_s_to_obey(url: str, app: OpenAIServer) -> None:
    with remote_engine(url, model="Llama", api_key=KEY) as engine:
        whole = ask(engine, params=PARAMS)
        whole.finish()
        word = whole.text[20:22]
        stopped = ask(engine, params=SamplingParams(**_changed(stop=(word,))), request_id="two")
        assert stopped.finish().reason == FinishReason.STOP
    assert stopped.text == whole.text[: whole.text.index(word)]


def test_many_at_once(url: str, app: OpenAIServer) -> None:
    with remote_engine(url, model="Llama", api_key=KEY) as engine:
        recorders = [ask(engine, f"Number {each}", PARAMS, str(each)) for each in range(12)]
        assert {recorder.finish().reason for recorder in recorders} == {FinishReason.LENGTH}
        assert engine.unfinished() == 0


def test_a_longest_answer_that_does_not_fit_is_shortened(url: str, app: OpenAIServer) -> None:
    """As for models that run here: the context ends the answer."""
    with remote_engine(url, model="Llama", api_key=KEY) as engine:
        last = ask(engine, params=SamplingParams(max_tokens=512, ignore_eos=True)).finish()
    assert last.reason == FinishReason.LENGTH
    assert last.usage.prompt_tokens + last.usage.completion_tokens == 512


def test_a_prompt_that_does_not_fit_is_refused_with_the_numbers(url: str, app: OpenAIServer) -> None:
    with remote_engine(url, model="Llama", api_key=KEY) as engine:
        last = ask(engine, "word " * 600).finish()
    assert (last.reason, last.error_code) == (FinishReason.ERROR, "context_overflow")
    assert "reads 512 tokens at most" in last.error
    assert "It has " in last.error
    assert (last.usage.prompt_tokens, last.usage.device_ms) == (0, 0)


def test_a_wrong_key_and_a_wrong_name_are_said_without_the_key(url: str) -> None:
    with remote_engine(url, model="Llama", api_key="sk-wrong") as engine:
        last = ask(engine).finish()
    assert (last.error_code, "does not accept our key (401)" in last.error) == ("upstream_refused", True)
    with remote_engine(url, model="Lama", api_key=KEY) as engine:
        last = ask(engine).finish()
    assert "refused the request (404): “The model `Lama` does not exist”" in last.error


def test_cancel_ends_the_request_there_too(url: str, app: OpenAIServer) -> None:
    with remote_engine(url, model="Llama", api_key=KEY) as engine:
        recorder = Recorder("one", lambda event: engine.cancel("one") if recorder.text else None)
        messages = ({"role": "user", "content": "Go on"},)
        params = SamplingParams(max_tokens=450, ignore_eos=True)
        engine.submit(GenerationRequest("one", "far", (), params, messages), recorder)
        last = recorder.finish()
    assert (last.reason, last.usage.estimated) == (FinishReason.CANCELLED, True)
    assert recorder.text
    assert app.ended.wait(60)
    assert app.ends[-1].reason == FinishReason.CANCELLED


def test_a_deadline_ends_it_here_and_there_and_keeps_what_was_written(url: str, app: OpenAIServer) -> None:
    app.pause_seconds = 0.05
    with remote_engine(url, model="Llama", api_key=KEY) as engine:
        recorder = Recorder("one")
        messages = ({"role": "user", "content": "Go on"},)
        params = SamplingParams(max_tokens=450, ignore_eos=True)
        engine.submit(GenerationRequest("one", "far", (), params, messages, deadline_seconds=1), recorder)
        last = recorder.finish()
    assert (last.reason, last.error_code, last.error) == (FinishReason.ERROR, "deadline", TOO_LATE)
    assert recorder.text
    assert (last.usage.estimated, last.usage.completion_tokens < 450) == (True, True)
    assert app.ended.wait(60)
    assert app.ends[-1].reason == FinishReason.CANCELLED


def test_an_unknown_model_and_a_stopped_engine(url: str) -> None:
    with remote_engine(url) as engine:
        recorder = Recorder("one")
        engine.submit(GenerationRequest("one", "other", ()), recorder)
        assert (recorder.finish().error_code, recorder.finish().error) == (
            "load_failed", "There is no model “other” here."
        )  # fmt: skip
        engine.stop(drain_seconds=0)
        assert not engine.is_alive()
        with pytest.raises(EngineStopped):
            ask(engine)


def _changed(**changes: object) -> dict[str, object]:
    return {name: getattr(PARAMS, name) for name in PARAMS.__slots__} | changes
