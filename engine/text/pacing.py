"""How many prompt tokens a step may read beside running completions, learnt from how long steps take, and how
many passes a step without prompts may make. No torch.

A step's time is flat while the weights must be read anyway and grows with its tokens after that; where the bend lies
depends on the device, the model and the number format. So the time of steps is remembered by their size, in classes a
quarter of a power of two wide, and the next step is as large as keeps it within `stall_factor` of one without prompts.
"""

from __future__ import annotations

import math

FEWEST = 4
"""Prompts go on by so many tokens a step at least, or none would ever be read beside others."""
CLASSES_PER_DOUBLING = 4
NEW_SHARE = 0.2
"""Of the newest time in the remembered one."""
MOST_PASSES = 8
"""In one step: what is lost where a text ends in its midst grows with them, what the host takes hardly shrinks."""
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
        alone = self._expected(decoding) or self._next_larger(decoding)
        if alone is None:
            return min(self._most, FEWEST)
        tokens = FEWEST
        for larger in self._steps():
            expected = self._expected(decoding + larger) or self._guess(decoding, alone, tokens, larger)
            if expected is None or expected > alone * self._factor:
                break
            tokens = larger
            if self._expected(decoding + larger) is None:
                break  # one guess at a time
        return min(self._most, tokens)

    def passes(self, decoding: int, seconds: float) -> int:
        """How many passes in which `decoding` sequences get a token fit into so many seconds, one at least."""
        expected = self._expected(decoding) if decoding and seconds else None
        return 1 if expected is None else max(1, min(MOST_PASSES, int(seconds / expected)))

    def took(self, tokens: int, seconds: float) -> None:
        """A pass of so many tokens, of prompts and completions together."""
        size = _class(tokens)
        self._seen[size] = self._seen.get(size, 0) + 1
        known = self._seconds.get(size)
        if known is None or self._seen[size] <= WARM_UP:
            self._seconds[size] = seconds
        else:
            # A machine that stood still once doesn't slow all later steps down.
            self._seconds[size] = known + NEW_SHARE * (min(seconds, 3 * known) - known)

    def _guess(self, decoding: int, alone: float, tokens: int, larger: int) -> float | None:
        """For a size never seen, from the last one that was: each further token costs what its tokens cost."""
        known = self._expected(decoding + tokens)
        return None if known is None else alone + max(0.0, known - alone) * larger / tokens

    def _next_larger(self, tokens: int) -> float | None:
        """Where no step of this size was seen, the next one that was stands for it."""
        larger = [size for size in self._seconds if size >= _class(tokens)]
        return self._seconds[min(larger)] if larger else None

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
