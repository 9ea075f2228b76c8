"""Small pictures for galleries."""

from __future__ import annotations

import pytest
from PIL import Image

from engine.pictures import SIDES, pixels_sha256, thumbnail
from tests.engine.pictures.files import drawing, encoded, opened
from tests.engine.pictures.test_decode import difference


@pytest.mark.parametrize("side", SIDES)
def test_the_longest_side_fits(side: int) -> None:
    small = opened(thumbnail(encoded(drawing(1100, 700)), side))
    assert (small.format, small.size) == ("WEBP", (side, round(side * 700 / 1100)))


def test_never_larger_and_small_ones_stay_to_the_pixel() -> None:
    picture = drawing(64, 64)
    for side in SIDES:
        small = opened(thumbnail(encoded(picture), side))
        assert small.size == (64, 64)
        assert difference(small, picture) == 0


def test_a_small_drawing_takes_little() -> None:
    flat = Image.new("RGB", (64, 64), "white")
    flat.paste((200, 20, 20), (10, 10, 50, 50))
    assert len(thumbnail(encoded(flat), 256)) < 300


def test_only_pixels_are_in_it() -> None:
    exif = Image.Exif()
    exif[0x010E] = "SECRET"
    assert b"SECRET" not in thumbnail(encoded(drawing(), exif=exif), 256)


def test_the_digest_is_of_pixels_only() -> None:
    picture = drawing()
    exif = Image.Exif()
    exif[0x010E] = "something"
    digest = pixels_sha256(encoded(picture))
    assert digest == pixels_sha256(encoded(picture, compress_level=0, exif=exif))
    picture.putpixel((0, 0), (1, 2, 3))
    assert digest != pixels_sha256(encoded(picture))
