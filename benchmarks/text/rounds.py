"""Times and rates, and how they spread over the rounds."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from time import perf_counter

BEGAN = perf_counter()


def tell(text: str) -> None:
    """Progress, with the seconds since the beginning."""
    print(f"[{perf_counter() - BEGAN:6.1f} s] {text}", flush=True)


def seconds(run: Callable[[], object]) -> float:
    began = perf_counter()
    run()
    return perf_counter() - began


def spread(values: list[float]) -> dict[str, float]:
    return {
        "min": round(min(values), 2), "median": round(statistics.median(values), 2), "max": round(max(values), 2)
    }  # fmt: skip


def over(rates: Mapping[str, list[float]], ours: str) -> dict[str, dict[str, float]]:
    """Rates of `ours` divided by those of each other one, round by round."""
    return {
        name: spread([mine / other for mine, other in zip(rates[ours], values, strict=True)])
        for name, values in rates.items()
        if name != ours
    }
