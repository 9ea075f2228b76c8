"""Tables as the pages of docs/ have them."""

from __future__ import annotations

from collections.abc import Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines)


def number(value: float) -> str:
    """Three digits, or all of those before the point."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def share(part: float) -> str:
    return f"{part:.1%}".replace("%", " %")


def range_of(spread: dict[str, float]) -> str:
    """Of what was measured several times: the median, and how far it went."""
    median, lowest, highest = (number(spread[name]) for name in ("median", "min", "max"))
    return median if lowest == highest else f"{median} ({lowest}–{highest})"
