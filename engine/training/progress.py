"""How a training goes: a line now and then for people, the losses for the plot."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from engine.training.plot import plot_losses

LOSSES = "loss.jsonl"


class Progress:
    """Writes `loss.jsonl` and `loss.png` in `out`; says lines to `say`."""

    def __init__(self, out: Path, say: Callable[[str], None], *, every_seconds: float = 10) -> None:
        self._out, self.say, self._every = out, say, every_seconds

    def begin(self, stage: str, step: int, done: float, batch: int, length: str) -> None:
        """`done`: the share of the stage that is behind it; `length`: all of it, in words."""
        self._stage, self._batch = stage, batch
        self._began = self._said = time.monotonic()
        self._first, self._first_done = step, done
        self.say(f"{stage}: {'from step ' + str(step) if step else 'starting'}, {length}")

    def loss(self, step: int, done: float, loss: float) -> None:
        with (self._out / LOSSES).open("a") as file:
            file.write(json.dumps({"stage": self._stage, "step": step, "loss": round(loss, 5)}) + "\n")
        if time.monotonic() - self._said > self._every:
            self._say_line(step, done, loss)

    def saved(self, step: int) -> None:
        plot_losses(self._out / LOSSES, self._out / "loss.png")
        self.say(f"{self._stage}: saved at step {step}")

    def _say_line(self, step: int, done: float, loss: float) -> None:
        self._said = time.monotonic()
        passed = self._said - self._began
        speed, left = (step - self._first) / passed, (1 - done) * passed / (done - self._first_done)
        self.say(
            f"{self._stage}: step {step} ({100 * done:.1f} %), loss {loss:.4f}, "
            f"{speed * self._batch:.1f} pictures/s, about {_words(left)} left"
        )


def _words(seconds: float) -> str:
    return (
        f"{seconds / 3600:.1f} h"
        if seconds > 5400
        else f"{seconds / 60:.0f} min"
        if seconds > 90
        else f"{seconds:.0f} s"
    )
