"""Pictures to start from, and their masks, as they come into the size that is drawn."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from engine.image.pixels import read_picture


def stripes(width: int, height: int, mode: str = "RGB") -> tuple[bytes, Image.Image]:
    """Black, white and black, each a third, from left to right or, where it is tall, from top to bottom."""
    pixels = np.zeros((height, width), np.uint8)
    if width >= height:
        pixels[:, width // 3 : width * 2 // 3] = 255
    else:
        pixels[height // 3 : height * 2 // 3] = 255
    picture = Image.fromarray(pixels).convert(mode)
    written = io.BytesIO()
    picture.save(written, "PNG")
    return written.getvalue(), picture


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize(("width", "height"), [(96, 32), (32, 96)])
def test_what_has_another_shape_is_cropped_around_its_middle(width: int, height: int, mode: str) -> None:
    data, _ = stripes(width, height, mode)
    found = np.array(read_picture(data, (64, 64), mode))
    assert found.shape[:2] == (64, 64)
    assert found.mean() > 250, "the white third, neither squashed nor beside its place"


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_what_has_the_same_shape_is_only_scaled(mode: str) -> None:
    data, picture = stripes(96, 48, mode)
    assert read_picture(data, (96, 48), mode).tobytes() == picture.tobytes()
    scaled = picture.resize((64, 32), Image.Resampling.LANCZOS)
    assert read_picture(data, (64, 32), mode).tobytes() == scaled.tobytes()
