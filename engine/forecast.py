"""How long a new request would wait, from how long steps take and what is ahead. No torch.

Running sequences get a token a step until they end; a waiting one takes the place of the first that ends. Prompts are
read in between, one after another, and hold up everybody. So the wait is the decode steps until a place is free, in the
order of arrival, and the reading of all prompts ahead; with a free place only of the shorter ones, at half the speed
(see the scheduler). How many tokens a completion will have isn't known; it is
expected to use as much of what it may as those before it did.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from typing import NamedTuple

NEW_SHARE = 0.1
"""Of the newest measurement in what is remembered."""
OUTLIER = 4.0
"""A step that took this many times what is usual counts as that: the machine stood still."""


class Work(NamedTuple):
    """What is left to do for one sequence, in tokens."""

    prompt: int
    completion: int


class Forecast:
    def __init__(self) -> None:
        self._step: float | None = None
        """Seconds of a step without prompts."""
        self._prompt_token: float | None = None
        """Seconds to read one token of a prompt."""
        self._share = 1.0

    @property
    def step_seconds(self) -> float | None:
        return self._step

    def took(self, decodes: int, prompt_tokens: int, seconds: float) -> None:
        """A step of so many sequences that got a token, and so many tokens of prompts."""
        if not prompt_tokens:
            self._step = _blended(self._step, seconds)
        else:
            alone = min(seconds, self._step or 0.0) if decodes else 0.0
            self._prompt_token = _blended(self._prompt_token, (seconds - alone) / prompt_tokens)

    def ended(self, made: int, allowed: int) -> None:
        """A completion has ended by itself, with so many tokens of those that it might have had."""
        self._share += NEW_SHARE * (made / max(1, allowed) - self._share)

    def left(self, made: int, allowed: int) -> int:
        """How many more tokens a completion is expected to have: one at least, and no more than it may."""
        return max(1, min(allowed - made, round(allowed * self._share) - made))

    def wait(
        self, running: Iterable[Work], waiting: Iterable[Work], places: int, unread: int | None = None
    ) -> float | None:
        """Seconds until one more request would be read; None where that is longer than nothing and not measured yet.

        At most `places` are running; `waiting` are in the order of arrival. unread: tokens of its own prompt, where
        shorter prompts pass longer ones.
        """
        ahead, line = list(running), list(waiting)
        steps, prompts = _steps_until_free(ahead, line, places), sum(work.prompt for work in (*ahead, *line))
        if unread is not None and not steps:
            shorter = sum(work.prompt for work in (*ahead, *line) if work.prompt <= unread)
            prompts = min(prompts, 2 * shorter + unread)
        if (steps and self._step is None) or (prompts and self._prompt_token is None):
            return None
        return steps * (self._step or 0.0) + prompts * (self._prompt_token or 0.0)


def _steps_until_free(running: list[Work], waiting: list[Work], places: int) -> int:
    ends = [work.completion for work in running] + [0] * (places - len(running))
    heapq.heapify(ends)
    for work in waiting:
        heapq.heappush(ends, heapq.heappop(ends) + work.completion)
    return ends[0]


def _blended(before: float | None, now: float) -> float:
    return now if before is None else before + NEW_SHARE * (min(now, OUTLIER * before) - before)
