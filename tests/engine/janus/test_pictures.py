"""Requests for pictures on their way through the engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from engine.image.orders import NonFinite
from engine.janus.engine import JanusEngine
from engine.janus.picture import shown
from engine.service import EngineThread
from engine.types import (
    CheckpointEvent,
    Event,
    FinishEvent,
    ImageEvent,
    ImageParams,
    ImageRequest,
    LoadingEvent,
    ProgressEvent,
    StartedEvent,
)
from tests.engine.image.drawing import Watcher, draw
from tests.engine.janus.tiny import SIDE, TOKENS

MakeEngine = Callable[..., EngineThread]
APPLE = ImageParams("a red apple", width=SIDE, height=SIDE, steps=TOKENS, seed=7)


def janus_of(engine: EngineThread) -> JanusEngine:
    (found,) = engine._residency.engines.values()
    assert isinstance(found, JanusEngine)
    return found


def test_one_picture(make_engine: MakeEngine) -> None:
    engine = make_engine()
    watcher = draw(engine, "janus", APPLE)
    last = watcher.finish()
    assert next(kind for kind in watcher.kinds if kind is not LoadingEvent) is StartedEvent
    assert watcher.kinds[-2:] == [ImageEvent, FinishEvent]
    assert [event.step for event in watcher.steps] == list(range(1, TOKENS + 1))
    assert {event.steps for event in watcher.steps} == {TOKENS}
    assert watcher.previews[0].preview.startswith(b"RIFF")
    assert watcher.picture().shape == (SIDE, SIDE, 3)
    assert (last.usage.steps, last.usage.prompt_tokens > 5, last.usage.device_ms > 0) == (TOKENS, True, True)
    assert last.made_with["attention"] == "transformers"
    assert engine.metrics().cache_bytes > 0


def test_the_same_alone_and_among_others(make_engine: MakeEngine) -> None:
    """Others begin and are cancelled meanwhile; a place is waited for."""
    engine = make_engine(max_pictures=2)
    wanted = [replace(APPLE, seed=seed, guidance=guidance) for seed, guidance in ((7, 5.0), (8, 1.0), (9, 3.0))]
    alone = [draw(engine, "janus", one, f"alone {place}").picture() for place, one in enumerate(wanted)]
    stray = draw(engine, "janus", APPLE, "stray", lambda event: _cancel(engine, event, 3))
    watchers = [draw(engine, "janus", one, str(place)) for place, one in enumerate(wanted)]
    for watcher, expected in zip(watchers, alone, strict=True):
        assert np.array_equal(watcher.picture(), expected)
    assert stray.finish().reason == "cancelled"
    assert len(stray.steps) in (3, 4)  # the step in progress may still have counted it
    assert not np.array_equal(alone[0], alone[2])


def _cancel(engine: EngineThread, event: Event, step: int) -> None:
    if isinstance(event, ProgressEvent) and event.step == step:
        engine.cancel(event.request_id)


def test_previews_are_optional_and_bounded(make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.janus.pictures.PREVIEW_SECONDS", 3600.0)
    engine = make_engine()
    assert len(_done(draw(engine, "janus", APPLE)).previews) == 1
    without = _done(draw(engine, "janus", APPLE, "without", previews=False))
    assert not without.previews


def test_making_its_pixels_is_device_time(make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = make_engine()
    draw(engine, "janus", APPLE, "warm", previews=False).picture()

    def slowly(*told: Any) -> Any:
        time.sleep(0.5)
        return shown(*told)

    monkeypatch.setattr("engine.janus.pictures.shown", slowly)
    assert draw(engine, "janus", APPLE, previews=False).finish().usage.device_ms >= 500


def _done(watcher: Watcher) -> Watcher:
    watcher.finish()
    return watcher


def test_resumed_from_each_checkpoint_it_is_the_same_picture(make_engine: MakeEngine) -> None:
    whole = draw(make_engine(), "janus", APPLE)
    expected = whole.picture()
    assert [event.step for event in whole.checkpoints] == [4, 8, 12]
    engine = make_engine()
    for event in whole.checkpoints:
        resumed = draw(engine, "janus", APPLE, checkpoint=event.data)
        assert np.array_equal(resumed.picture(), expected)
        assert resumed.steps[0].step == event.step + 1
        assert resumed.finish().usage.steps == TOKENS - event.step


def test_a_checkpoint_of_another_request_begins_anew(make_engine: MakeEngine) -> None:
    engine = make_engine()
    other = _done(draw(engine, "janus", replace(APPLE, seed=8)))
    data: Any = other.of(CheckpointEvent)[0].data
    resumed = draw(engine, "janus", APPLE, checkpoint=data)
    expected = draw(engine, "janus", APPLE, "plain").picture()
    assert np.array_equal(resumed.picture(), expected)
    assert resumed.steps[0].step == 1


@pytest.mark.parametrize(
    ("changes", "more", "words"),
    [
        ({"width": 2 * SIDE}, {}, f"{SIDE} × {SIDE} pixels only"),
        ({"steps": 20}, {}, f"in {TOKENS} steps"),
        ({"guidance": float("nan")}, {}, "Guidance"),
        ({"scheduler": "euler"}, {}, "no scheduler"),
        ({"prompt": "  "}, {}, "Say what to draw"),
        ({"prompt": "long " * 2000}, {}, "tokens long"),
        ({"negative_prompt": "blue"}, {}, "negative"),
        ({"seed": -1}, {}, "seed"),
        ({"adapter_strength": 0.5}, {}, "Without an adapter"),
        ({}, {"source": b"png"}, "words alone"),
    ],
)
def test_what_can_not_be_drawn_is_told(
    make_engine: MakeEngine, changes: dict[str, Any], more: dict[str, Any], words: str
) -> None:
    last = draw(make_engine(), "janus", replace(APPLE, **changes), **more).finish()
    assert last.error_code == "bad_request"
    assert words in last.error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeError("boom"), "internal"),
        (NonFinite(), "non_finite"),
        (torch.OutOfMemoryError("CUDA out of memory"), "out_of_memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "out_of_memory"),
    ],
)
def test_one_that_fails_fails_alone(
    make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch, error: Exception, code: str
) -> None:
    engine = make_engine()
    expected = draw(engine, "janus", APPLE, "first").picture()
    janus = janus_of(engine)._model.janus
    forward = janus.generation_head.forward

    def failing(hidden: torch.Tensor) -> torch.Tensor:
        if len(hidden) == 1:  # the one without guidance
            time.sleep(0.15)
            raise error
        return forward(hidden)

    monkeypatch.setattr(janus.generation_head, "forward", failing)
    victim = draw(engine, "janus", replace(APPLE, guidance=1.0), "victim")
    other = draw(engine, "janus", APPLE, "other")
    last = victim.finish()
    assert last.error_code == code
    assert last.error
    assert (last.usage.device_ms >= 150) == (code == "non_finite"), "where the site is why, it costs nothing"
    assert np.array_equal(other.picture(), expected)


def test_short_of_memory_for_a_moment(make_engine: MakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step is made again once idle models have made room."""
    engine = make_engine()
    expected = draw(engine, "janus", APPLE, "first").picture()
    head, failed = janus_of(engine)._model.janus.generation_head, []
    forward = head.forward

    def failing(hidden: torch.Tensor) -> torch.Tensor:
        if not failed:
            failed.append(True)
            raise torch.OutOfMemoryError("CUDA out of memory")
        return forward(hidden)

    monkeypatch.setattr(head, "forward", failing)
    assert np.array_equal(draw(engine, "janus", APPLE).picture(), expected)
    assert failed


def test_a_deadline_ends_it(make_engine: MakeEngine) -> None:
    engine = make_engine()
    draw(engine, "janus", APPLE, "first").finish()
    last = draw(engine, "janus", APPLE, deadline_seconds=1e-6).finish()
    assert last.error_code in ("deadline", "overloaded")


def test_a_sink_that_breaks_ends_its_own_picture(make_engine: MakeEngine) -> None:
    engine = make_engine()

    def breaking(event: Event) -> None:
        if isinstance(event, ProgressEvent):
            raise RuntimeError("gone")

    engine.submit(ImageRequest("broken", "janus", APPLE), breaking)
    assert draw(engine, "janus", APPLE).picture().shape == (SIDE, SIDE, 3)
    assert janus_of(engine).running == 0
