"""A long call that goes on only while it is asked to."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
import torch

from engine.config import EngineConfig
from engine.image.compatible import by_turns
from engine.image.compatible.by_turns import ByTurns

CONFIG = EngineConfig(device="cpu", threads=1)
Pause = Callable[[], None]


def test_it_goes_on_from_pause_to_pause() -> None:
    seen: list[str] = []

    def work(pause: Pause) -> str:
        assert torch.is_inference_mode_enabled()
        for step in range(2):
            seen.append(f"step {step}")
            pause()
        return "done"

    turns = ByTurns(work, CONFIG)
    for step in range(2):
        turns.advance()
        seen.append(f"told {step}")
        assert not turns.over
    turns.advance()
    assert (turns.over, turns.result) == (True, "done")
    assert seen == ["step 0", "told 0", "step 1", "told 1"]


def test_what_it_raises_is_raised_where_it_was_asked_to_go_on() -> None:
    def work(pause: Pause) -> None:
        pause()
        raise ValueError("no")

    turns = ByTurns(work, CONFIG)
    turns.advance()
    with pytest.raises(ValueError, match="no"):
        turns.advance()
    assert turns.over
    turns.end()


def test_its_end_takes_it_away_from_where_it_waits_whatever_it_catches() -> None:
    left: list[str] = []

    def work(pause: Pause) -> None:
        while True:
            try:
                pause()
            except Exception:  # as libraries do
                left.append("caught")
            finally:
                left.append("left")

    turns = ByTurns(work, CONFIG)
    turns.advance()
    turns.end()
    assert (left, turns.over) == (["left"], True)


def test_one_that_never_began_has_nothing_to_end() -> None:
    turns = ByTurns(lambda pause: pause(), CONFIG)
    turns.end()
    assert turns.over


def test_it_does_not_outlive_whom_it_works_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(by_turns, "LOOK_SECONDS", 0.01)
    gone = threading.Event()

    def work(pause: Pause) -> None:
        try:
            pause()
        finally:
            gone.set()

    owner = threading.Thread(target=lambda: ByTurns(work, CONFIG).advance())
    owner.start()
    owner.join()
    assert gone.wait(60)
