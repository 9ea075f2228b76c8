"""Pixels of our own files: their digest, and PNG with nothing but them."""

from __future__ import annotations

import hashlib
import io

from PIL import Image


def pixels_sha256(png: bytes) -> str:
    """Of the RGB bytes, row by row from the top: the same whatever else the file carries."""
    with Image.open(io.BytesIO(png), formats=["PNG"]) as picture:
        return hashlib.sha256(picture.convert("RGB").tobytes()).hexdigest()


def png_of(picture: Image.Image) -> bytes:
    """Without metadata: whatever the picture was read with stays behind."""
    picture.info = {}
    written = io.BytesIO()
    picture.save(written, "PNG", compress_level=4)
    return written.getvalue()
