"""What the benchmark of pictures tells of its rounds."""

from __future__ import annotations

import math
import statistics
from typing import Any

import numpy as np

from benchmarks.image_contenders import Made


def numbers(results: dict[str, list[Made]], alone: Made) -> dict[str, Any]:
    """results: of each contender, a round each, those of the engine under `engine`. alone: the engine's, one picture
    at a time."""
    ours, pictures = results["engine"], len(alone.pictures)
    return {
        "pictures_per_second": {
            name: spread([pictures / one.seconds for one in made]) for name, made in results.items()
        },
        "ratio_to": {
            name: spread([one.seconds / mine.seconds for one, mine in zip(made, ours, strict=True)])
            for name, made in results.items()
            if made is not ours
        },
        "first_preview_seconds": {
            name: percentiles(list(made[-1].previews.values())) for name, made in results.items()
        },
        "steps_before_first_preview": max(ours[-1].preview_steps.values()),
        "picture_seconds": {name: percentiles(list(made[-1].done.values())) for name, made in results.items()},
        "alone_pictures_per_second": round(pictures / alone.seconds, 3),
        "engine_and_engine_alone": likeness(ours[-1], alone),
        "engine_and_one_by_one": likeness(ours[-1], results["one-by-one"][-1]),
        "static_and_one_by_one": likeness(results["static"][-1], results["one-by-one"][-1]),
    }


def spread(values: list[float]) -> dict[str, Any]:
    """values: one a round."""
    found = {"median": statistics.median(values), "min": min(values), "max": max(values)}
    return {name: round(value, 3) for name, value in found.items()} | {"rounds": [round(value, 3) for value in values]}


def percentiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    at = {"p50": ordered[len(ordered) // 2], "p99": ordered[min(len(ordered) - 1, math.ceil(len(ordered) * 0.99) - 1)]}
    return {name: round(value, 3) for name, value in at.items()}


def likeness(one: Made, other: Made) -> dict[str, Any]:
    """Of all pictures: how many are the same to the bit, the largest difference in levels of 255, the lowest PSNR."""
    pairs = [(one.pictures[place].astype(float), other.pictures[place].astype(float)) for place in one.pictures]
    squares = [float(((a - b) ** 2).mean()) for a, b in pairs]
    return {
        "equal": sum(not square for square in squares),
        "of": len(pairs),
        "largest_difference": int(max(np.abs(a - b).max() for a, b in pairs)),
        "lowest_psnr": None if not max(squares) else round(10 * math.log10(255**2 / max(squares)), 1),
    }
