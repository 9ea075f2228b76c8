"""Pictures beside each other in one PNG."""

from __future__ import annotations

from pathlib import Path

import torch
from PIL import Image

GAP = 2  # pixels


def to_bytes(pixels: torch.Tensor) -> torch.Tensor:
    """-1 … 1 [count, 3, height, width] to uint8 [count, height, width, 3]."""
    return ((pixels.float().clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu()


def save_grid(pixels: torch.Tensor, file: Path, columns: int) -> None:
    images = to_bytes(pixels).numpy()
    count, height, width = images.shape[:3]
    rows = -(-count // columns)
    grid = Image.new("RGB", (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP), "#b0b0b0")
    for number, image in enumerate(images):
        place = (GAP + number % columns * (width + GAP), GAP + number // columns * (height + GAP))
        grid.paste(Image.fromarray(image), place)
    file.parent.mkdir(parents=True, exist_ok=True)
    grid.save(file)
