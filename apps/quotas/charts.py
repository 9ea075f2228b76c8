"""Bars by day, measured here and drawn as SVG by `quotas/_chart.html`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

WIDTH, HEIGHT, GAP = 600.0, 120.0, 0.2
LEAST = 2.0
"""Height of a bar that stands for something, however little."""


@dataclass(frozen=True, slots=True)
class Bar:
    day: date
    value: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Lengths are in the units of the view box; `unit` is a plural noun."""

    title: str
    unit: str
    bars: list[Bar]
    largest: float
    total: float
    width: float = WIDTH
    height: float = HEIGHT


def chart(title: str, unit: str, values: Sequence[tuple[date, float]]) -> Chart:
    """The largest value is as high as the chart; zero has no bar."""
    largest = max((value for _, value in values), default=0.0)
    step = WIDTH / max(len(values), 1)
    bars = [_bar(day, value, number * step, step, largest) for number, (day, value) in enumerate(values)]
    return Chart(title, unit, bars, largest, sum(value for _, value in values))


def _bar(day: date, value: float, left: float, step: float, largest: float) -> Bar:
    height = max(LEAST, HEIGHT * value / largest) if value else 0.0
    gap = step * GAP
    return Bar(day, value, round(left + gap / 2, 2), round(HEIGHT - height, 2), round(step - gap, 2), round(height, 2))
