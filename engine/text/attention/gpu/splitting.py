"""In how many parts the context of a step's rows is read, so that every processor of the GPU has work. No torch."""

from __future__ import annotations

MOST_SPLITS = 64
LEAST_TOKENS = 128
"""A part has at least so many tokens of the longest context: beginning and ending a part costs something too."""
WAVES = 2
"""Programs wanted for each processor of the GPU: two run side by side, so that one computes while the other reads."""


def splits(programs: int, longest: int, processors: int) -> int:
    """A power of two, so that steps have few different grids. `programs`: how many there are without splitting."""
    most = min(WAVES * processors // programs, longest // LEAST_TOKENS, MOST_SPLITS)
    return 1 << (most.bit_length() - 1) if most > 1 else 1
