"""Small WebPs for galleries."""

from __future__ import annotations

import io

from PIL import Image

SIDES = (256, 512)
"""Longest sides that are made."""
QUALITY = 84


def thumbnail(png: bytes, side: int) -> bytes:
    """A WebP of our own picture whose longest side has at most `side` pixels.

    A picture that is no larger stays as it is, to the pixel: small drawings blur when they are made larger or lossy.
    """
    with Image.open(io.BytesIO(png), formats=["PNG"]) as opened:
        picture = opened.convert("RGB")
    is_small = max(picture.size) <= side
    if not is_small:
        picture.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    picture.info = {}
    written = io.BytesIO()
    picture.save(written, "WEBP", lossless=is_small, quality=QUALITY, method=4)
    return written.getvalue()
