"""Completions whose new tokens wait to be told, so that it is done while the device computes the next step.

A GPU makes a token for each of hundreds of sequences in a few milliseconds. To turn each at once into text and an event
would take longer than that; several together take little longer than one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import perf_counter

from engine.config import EngineConfig
from engine.text.completion import Completion

Tell = Callable[[Completion, list[int]], None]
ON_ACCELERATORS = 0.02
"""How many seconds tokens wait unless told otherwise."""
LATEST = 4
"""Times as long as they should, tokens wait at most while the device leaves no time."""
SHARE = 0.8
"""Of the time that the device computes."""


def tell_seconds(config: EngineConfig, device_type: str) -> float:
    if config.tell_seconds is not None:
        return config.tell_seconds
    return 0.0 if device_type == "cpu" else ON_ACCELERATORS


class Telling:
    def __init__(self, seconds: float, tell: Tell) -> None:
        """seconds: how long tokens may wait; 0: not at all. tell: what is done with a completion's tokens; it may end
        it."""
        self.waits = seconds > 0
        self._seconds, self._tell = seconds, tell
        self._line: OrderedDict[Completion, tuple[float, list[int]]] = OrderedDict()
        """The one that waits longest first."""

    def add(self, completion: Completion, tokens: list[int], now: float) -> None:
        waiting = self._line.get(completion)
        if waiting is None:
            self._line[completion] = now, tokens
        else:
            waiting[1].extend(tokens)

    def now(self, completion: Completion) -> None:
        """Whatever of it waits."""
        waiting = self._line.pop(completion, None)
        if waiting is not None:
            self._tell(completion, waiting[1])

    def some(self, device_seconds: float) -> None:
        """Those whose time has come, for the device computes about so long."""
        began = perf_counter()
        end = began + SHARE * device_seconds
        while self._line:
            completion, (since, _) = next(iter(self._line.items()))
            if since + self._seconds > began or (perf_counter() > end and since + LATEST * self._seconds > began):
                break
            self.now(completion)
