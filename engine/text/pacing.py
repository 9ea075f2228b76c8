"""How many prompt tokens a step may read beside running completions, learnt from how long steps take. No torch.

A step's time is flat while the weights must be read anyway and grows with its tokens after that; where the bend lies
depends on the device, the model and the number format. So the time of steps is remembered by their size, in classes a
quarter of a power of two wide, and the next step is as large as keeps it within `stall_factor` of one without prompts.
"""

from __future__ import annotations

import math

FEWEST = 16
"""Prompts go on by so many tokens a step at least, or none would ever be read beside others."""
CLASSES_PER_DOUBLING = 4
NEW_SHARE = 0.2
"""Of the newest time in the remembered one."""
WARM_UP = 2
"""The first steps of a size are slower than the rest: caches, lazily built kernels."""


class Pacing:
    def __init__(self, prefill_tokens: int, stall_factor: float) -> None:
        self._most = prefill_tokens
        self._factor = stall_factor
        self._seconds: dict[int, float] = {}
        self._seen: dict[int, int] = {}

    def prefill_tokens(self, decoding: int) -> int:
        """For a step in which `decoding` sequences get a token."""
        if not decoding or math.isinf(self._factor):
            return self._most
        alone = self._expected(decoding)
        if alone is None:
            return min(self._most, FEWEST)
        allowed, tokens = alone * self._factor, FEWEST
        for larger in self._steps():
            expected = self._expected(decoding + larger)
            if expected is None:  # try the next larger size where the last one is well within
                known = self._expected(decoding + tokens)
                return larger if known is not None and known < allowed * tokens / larger else tokens
            if expected > allowed:
                return tokens
            tokens = larger
        return min(self._most, tokens)

    def took(self, tokens: int, seconds: float) -> None:
        """A step of so many tokens, of prompts and completions together."""
        size = _class(tokens)
        self._seen[size] = self._seen.get(size, 0) + 1
        known = self._seconds.get(size)
        if known is None or self._seen[size] <= WARM_UP:
            self._seconds[size] = seconds
        else:
            # A machine that stood still once doesn't slow all later steps down.
            self._seconds[size] = known + NEW_SHARE * (min(seconds, 3 * known) - known)

    def _expected(self, tokens: int) -> float | None:
        return self._seconds.get(_class(tokens))

    def _steps(self) -> list[int]:
        sizes, size = [], FEWEST
        while size < self._most:
            size = min(self._most, math.ceil(size * 2 ** (1 / 2)))
            sizes.append(size)
        return sizes


def _class(tokens: int) -> int:
    return round(math.log2(tokens) * CLASSES_PER_DOUBLING)
