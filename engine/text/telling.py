"""Completions whose new tokens wait to be told, so that it is done while the device computes the next step.

A GPU makes a token for each of hundreds of sequences in a few milliseconds. To turn each at once into text and an event
would take longer than that; several together take little longer than one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import perf_counter

from engine.text.completion import Completion

Tell = Callable[[Completion, list[int]], None]
LATEST = 4
"""Times as long as they should, tokens wait at most while the device leaves no time."""
SHARE = 0.8
"""Of the time that the device computes."""


class Telling:
    def __init__(self, seconds: float, tell: Tell) -> None:
        """seconds: how long tokens may wait, the first one of a completion excepted; 0: not at all. tell: what is done
        with a completion's tokens; it may end it."""
        self.waits = seconds > 0
        self._seconds, self._tell = seconds, tell
        self._line: OrderedDict[Completion, tuple[float, list[int]]] = OrderedDict()
        """The one that waits longest first."""
        self._first: list[Completion] = []
        """Those of the line of whom nothing was told yet."""

    def add(self, completion: Completion, tokens: list[int], now: float) -> None:
        waiting = self._line.get(completion)
        if waiting is not None:
            waiting[1].extend(tokens)
            return
        self._line[completion] = now, tokens
        if not completion.ticket.completion_tokens:
            self._first.append(completion)

    def now(self, completion: Completion) -> None:
        """Whatever of it waits."""
        waiting = self._line.pop(completion, None)
        if waiting is not None:
            self._tell(completion, waiting[1])

    def some(self, device_seconds: float) -> None:
        """Those whose time has come, for the device computes about so long."""
        first, self._first = self._first, []
        for completion in first:
            self.now(completion)
        began = perf_counter()
        end = began + SHARE * device_seconds
        while self._line:
            completion, (since, _) = next(iter(self._line.items()))
            if since + self._seconds > began or (perf_counter() > end and since + LATEST * self._seconds > began):
                break
            self.now(completion)
