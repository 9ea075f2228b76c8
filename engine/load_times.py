"""How long models took to load, and how long one will. Imports no torch.

Known is what earlier loads on this device took, those of earlier processes included where the caller kept them. The
first load of a model is guessed from its size and the rate of other loads; where there was none, nothing is said.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import NamedTuple

NEW_SHARE = 0.5
"""Of the newest measurement in what is remembered: the first load in a process also verifies the files."""


class LoadTime(NamedTuple):
    """One load, as it was measured."""

    model: str
    size: int
    """Bytes of weights in memory."""
    seconds: float


class LoadTimes:
    """May be used from any thread."""

    def __init__(self, known: Iterable[LoadTime] = ()) -> None:
        """known: the latest one last."""
        self._lock = threading.Lock()
        self._seconds: dict[str, float] = {}
        self._rate: float | None = None
        """Bytes per second."""
        self._news: dict[str, LoadTime] = {}
        for each in known:
            self._learn(each)

    def expected(self, model: str, size: int | None = None) -> float | None:
        """Seconds, or None where nothing was measured that says so. size: bytes of its weights, where known."""
        with self._lock:
            if model in self._seconds:
                return self._seconds[model]
            return None if self._rate is None or size is None else size / self._rate

    def took(self, model: str, size: int, seconds: float) -> None:
        with self._lock:
            self._learn(LoadTime(model, size, seconds))
            self._news[model] = LoadTime(model, size, self._seconds[model])

    def news(self) -> tuple[LoadTime, ...]:
        """What is remembered of the models that were loaded since `kept`."""
        with self._lock:
            return tuple(self._news.values())

    def kept(self, news: Iterable[LoadTime]) -> None:
        """These are stored elsewhere by now."""
        with self._lock:
            for each in news:
                if self._news.get(each.model) == each:
                    del self._news[each.model]

    def _learn(self, measured: LoadTime) -> None:
        self._seconds[measured.model] = _blended(self._seconds.get(measured.model), measured.seconds)
        if measured.size and measured.seconds > 0:
            self._rate = _blended(self._rate, measured.size / measured.seconds)


def _blended(before: float | None, now: float) -> float:
    return now if before is None else before + NEW_SHARE * (now - before)
