"""A dozen pictures anybody can draw: circles and squares in six colours."""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

COLOURS = ("red", "green", "blue", "yellow", "purple", "black")


def draw_pictures(folder: Path) -> Path:
    folder.mkdir()
    for colour in COLOURS:
        for shape in ("circle", "square"):
            picture = Image.new("RGB", (32, 32), "white")
            draw = ImageDraw.Draw(picture)
            (draw.ellipse if shape == "circle" else draw.rectangle)((6, 6, 25, 25), fill=colour)
            picture.save(folder / f"{colour}_{shape}.png")
    (folder / "red_circle.txt").write_text("red circle\na red ball\n")
    return folder
