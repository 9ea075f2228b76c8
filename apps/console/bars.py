"""Bars of a small chart, measured on the server and drawn as SVG by `console/_bars.html`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

WIDTH, HEIGHT, GAP = 600.0, 120.0, 4.0
LEAST = 2.0
"""Height of a bar that stands for something, however little."""


@dataclass(frozen=True)
class Bar:
    at: datetime
    count: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Bars:
    bars: list[Bar]
    total: int
    largest: int
    width: float = WIDTH
    height: float = HEIGHT


def bars(counts: Sequence[tuple[datetime, int]]) -> Bars:
    """The largest of `counts` is as high as the chart; nothing has no bar."""
    largest = max((count for _, count in counts), default=0)
    step = WIDTH / max(len(counts), 1)
    drawn = []
    for number, (at, count) in enumerate(counts):
        height = max(LEAST, HEIGHT * count / largest) if count else 0.0
        x = number * step + GAP / 2
        drawn.append(Bar(at, count, round(x, 1), round(HEIGHT - height, 1), round(step - GAP, 1), round(height, 1)))
    return Bars(drawn, sum(count for _, count in counts), largest)
