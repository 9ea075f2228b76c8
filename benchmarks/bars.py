"""Bars below each other on one axis, as an SVG file: for light and dark pages, and told in words too."""

from __future__ import annotations

import math
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from benchmarks.markdown import number

WIDTH, MARGIN, TOP, ROW, THICK, BOTTOM = 720, 24, 64, 46, 14, 52
"""Pixels: of the picture, around it, above the bars, of each with its words, of the bar, and below them."""
TICKS = 5
STYLE = """
text { font: 13px system-ui, sans-serif; fill: #1c1f24 }
.title { font-size: 16px; font-weight: 600 }
.page { fill: #ffffff } .grid { stroke: #d9dce1 } .other { fill: #868c96 } .ours { fill: #1f5fa8 }
.spread { stroke: #1c1f24; stroke-width: 1.5 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6e8eb }
  .page { fill: #16181c } .grid { stroke: #3a3f47 } .other { fill: #7d838d } .ours { fill: #6fa8e8 }
  .spread { stroke: #e6e8eb }
}
"""


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    value: float
    low: float
    high: float
    note: str = ""
    ours: bool = False


def drawn(title: str, unit: str, bars: list[Bar]) -> str:
    """A file's text. The line across a bar goes from its lowest to its highest value."""
    step = _step(max(bar.high for bar in bars))
    top = step * math.ceil(max(bar.high for bar in bars) / step)
    height = TOP + ROW * len(bars) + BOTTOM
    svg = Element("svg", {
        "xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {height}", "width": str(WIDTH),
        "height": str(height), "role": "img", "aria-labelledby": "title desc",
    })  # fmt: skip
    SubElement(svg, "title", {"id": "title"}).text = title
    told = (f"{bar.label}: {number(bar.value)}{bar.note and f', {bar.note}'}" for bar in bars)
    SubElement(svg, "desc", {"id": "desc"}).text = f"{unit}. " + "; ".join(told) + "."
    SubElement(svg, "style").text = STYLE
    SubElement(svg, "rect", {"class": "page", "width": "100%", "height": "100%"})
    _text(svg, MARGIN, 34, title, kind="title")
    for place in range(round(top / step) + 1):
        across = _across(place * step, top)
        _line(svg, "grid", (across, TOP - 8), (across, height - BOTTOM))
        _text(svg, across, height - BOTTOM + 18, f"{place * step:,.10g}", anchor="middle")
    _text(svg, WIDTH / 2, height - 12, unit, anchor="middle")
    for place, bar in enumerate(bars):
        _bar(svg, bar, TOP + ROW * place, top)
    indent(svg)
    return tostring(svg, encoding="unicode") + "\n"


def _bar(svg: Element, bar: Bar, down: int, top: float) -> None:
    _text(svg, MARGIN + 4, down + 12, bar.label)
    _text(svg, WIDTH - MARGIN, down + 12, f"{number(bar.value)}{bar.note and f' · {bar.note}'}", anchor="end")
    SubElement(svg, "rect", {
        "class": "ours" if bar.ours else "other", "x": str(MARGIN), "y": str(down + 18), "height": str(THICK),
        "width": f"{_across(bar.value, top) - MARGIN:.1f}",
    })  # fmt: skip
    if bar.high > bar.low:
        middle, ends = down + 18 + THICK / 2, (_across(bar.low, top), _across(bar.high, top))
        _line(svg, "spread", (ends[0], middle), (ends[1], middle))
        for end in ends:
            _line(svg, "spread", (end, middle - 4), (end, middle + 4))


def _step(highest: float) -> float:
    """Between the axis' numbers: 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(highest / TICKS))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor * TICKS >= highest)


def _across(value: float, top: float) -> float:
    return MARGIN + (WIDTH - 2 * MARGIN) * value / top


def _text(svg: Element, x: float, y: float, text: str, *, kind: str = "", anchor: str = "start") -> None:
    more = {"class": kind} if kind else {}
    SubElement(svg, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor, **more}).text = text


def _line(svg: Element, kind: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    places = {"x1": start[0], "y1": start[1], "x2": end[0], "y2": end[1]}
    SubElement(svg, "line", {"class": kind} | {name: f"{value:.1f}" for name, value in places.items()})
