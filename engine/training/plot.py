"""The loss of each stage as a picture, drawn with Pillow alone."""

from __future__ import annotations

import json
import math
from pathlib import Path

from PIL import Image, ImageDraw

WIDTH, HEIGHT, MARGIN = 900, 360, 56
INK, GRID, LINE, SMOOTH = "#333333", "#dddddd", "#a9c7ea", "#1f5fa8"
POINTS_PER_MEAN = 40  # of the darker line: the plot's width over this


def plot_losses(file: Path, picture: Path) -> None:
    """One panel a stage, below each other: loss by step, both as they are and smoothed; the loss on a log scale."""
    stages: dict[str, list[tuple[int, float]]] = {}
    for line in file.read_text().splitlines() if file.exists() else []:
        row = json.loads(line)
        points = stages.setdefault(row["stage"], [])
        while points and points[-1][0] >= row["step"]:  # those steps were taken again after a restart
            points.pop()
        points.append((row["step"], max(row["loss"], 1e-8)))
    drawn = {name: points for name, points in stages.items() if len(points) > 1}
    if not drawn:
        return
    canvas = Image.new("RGB", (WIDTH, HEIGHT * len(drawn)), "white")
    for number, (name, points) in enumerate(drawn.items()):
        _panel(ImageDraw.Draw(canvas), number * HEIGHT, name, points)
    canvas.save(picture)


def _panel(draw: ImageDraw.ImageDraw, top: int, name: str, points: list[tuple[int, float]]) -> None:
    steps, losses = [step for step, _ in points], [math.log10(loss) for _, loss in points]
    low, high = min(losses), max(max(losses), min(losses) + 0.05)

    def place(step: float, loss: float) -> tuple[float, float]:
        x = MARGIN + (step - steps[0]) / (steps[-1] - steps[0]) * (WIDTH - 2 * MARGIN)
        return x, top + MARGIN + (high - loss) / (high - low) * (HEIGHT - 2 * MARGIN)

    for share in (0, 0.25, 0.5, 0.75, 1):
        level, step = low + share * (high - low), steps[0] + share * (steps[-1] - steps[0])
        draw.line([place(steps[0], level), place(steps[-1], level)], fill=GRID)
        draw.text((4, place(0, level)[1] - 6), f"{10**level:.4f}", fill=INK)
        draw.text((place(step, low)[0] - 14, top + HEIGHT - MARGIN + 8), f"{step:.0f}", fill=INK)
    draw.text((MARGIN, top + 16), f"{name}: loss by step", fill=INK)
    draw.line([place(*point) for point in zip(steps, losses, strict=True)], fill=LINE)
    draw.line([place(*point) for point in zip(steps, _smoothed(losses), strict=True)], fill=SMOOTH, width=2)


def _smoothed(values: list[float]) -> list[float]:
    reach = max(1, len(values) // POINTS_PER_MEAN)
    parts = [values[max(0, at - reach) : at + reach + 1] for at in range(len(values))]
    return [sum(part) / len(part) for part in parts]
