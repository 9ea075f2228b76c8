"""Which loaded model takes the next step: the busy one that has had least time on the device. Plain data, no torch.

A step of a text takes milliseconds and one of a picture may take seconds, so turns are counted in measured seconds, not
in steps. A model that comes back after a pause starts where the least used of the busy ones stands: nobody saves up
turns, and a newcomer doesn't shut out the others.
"""

from __future__ import annotations

from collections.abc import Collection
from math import inf, nextafter


class Turns:
    def __init__(self) -> None:
        self._used: dict[str, float] = {}
        """Seconds of each model that was busy when last asked."""

    def next(self, busy: Collection[str]) -> str | None:
        """The model to step now; None where none is busy."""
        stayed = {model: used for model, used in self._used.items() if model in busy}
        start = min(stayed.values(), default=0.0)
        self._used = {model: stayed.get(model, start) for model in busy}
        return min(self._used, key=lambda model: self._used[model], default=None)

    def took(self, model: str, seconds: float, *, in_vain: bool = False) -> None:
        """Its step took so long on the device. in_vain: it only looked whether what it waits for is there; then each of
        the others has a step before it looks again."""
        if model not in self._used:
            return
        self._used[model] += seconds
        others = [used for other, used in self._used.items() if other != model]
        if in_vain and others:
            self._used[model] = max(self._used[model], nextafter(min(others), inf))
