"""Times and rates, and how they spread over the rounds."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Mapping
from time import perf_counter
from typing import Any

BEGAN = perf_counter()


def tell(text: str) -> None:
    """Progress, with the seconds since the beginning."""
    print(f"[{perf_counter() - BEGAN:6.1f} s] {text}", file=sys.stderr, flush=True)


def seconds(run: Callable[[], object]) -> float:
    began = perf_counter()
    run()
    return perf_counter() - began


def spread(values: list[float]) -> dict[str, Any]:
    """values: one a round."""
    found = {"min": min(values), "median": statistics.median(values), "max": max(values)}
    return {name: round(value, 2) for name, value in found.items()} | {"rounds": [round(value, 2) for value in values]}


def over(rates: Mapping[str, list[float]], ours: str) -> dict[str, dict[str, Any]]:
    """Rates of `ours` divided by those of each other one, round by round."""
    return {
        name: spread([mine / other for mine, other in zip(rates[ours], values, strict=True)])
        for name, values in rates.items()
        if name != ours
    }
