"""How a training goes: a line a minute for people, every loss for the plot."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

from engine.training.plot import plot_losses

LOSSES = "loss.jsonl"
MEAN_OF = 10  # steps, in one line of the log and one point of the plot


class Progress:
    """Writes `loss.jsonl` and `loss.png` in `out`; says lines to `say`."""

    def __init__(self, out: Path, say: Callable[[str], None], *, every_seconds: float = 30) -> None:
        self._out, self.say, self._every = out, say, every_seconds
        self._stage, self._steps, self._batch = "", 0, 0
        self._recent: list[float] = []

    def begin(self, stage: str, step: int, steps: int, batch: int) -> None:
        self._stage, self._steps, self._batch = stage, steps, batch
        self._began, self._first, self._said, self._recent = time.monotonic(), step, time.monotonic(), []
        self.say(f"{stage}: {'from step ' + str(step) if step else 'starting'}, {steps} steps of {batch} pictures")

    def loss(self, step: int, loss: float) -> None:
        self._recent.append(loss)
        if len(self._recent) < MEAN_OF:
            return
        mean, self._recent = sum(self._recent) / len(self._recent), []
        with (self._out / LOSSES).open("a") as file:
            file.write(json.dumps({"stage": self._stage, "step": step, "loss": round(mean, 5)}) + "\n")
        if time.monotonic() - self._said > self._every:
            self._say_line(step, mean)

    def saved(self, step: int) -> None:
        plot_losses(self._out / LOSSES, self._out / "loss.png")
        self.say(f"{self._stage}: saved at step {step}")

    def _say_line(self, step: int, loss: float) -> None:
        self._said = time.monotonic()
        speed = (step - self._first) / (self._said - self._began)
        left = (self._steps - step) / speed
        self.say(
            f"{self._stage}: step {step} of {self._steps} ({100 * step / self._steps:.1f} %), loss {loss:.4f}, "
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
