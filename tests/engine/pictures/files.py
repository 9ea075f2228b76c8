"""Files to send, made here: good ones, and each kind of bad one."""

from __future__ import annotations

import io
import random
import zlib
from typing import Any

from PIL import Image, ImageDraw

from engine.pictures import Origin
from engine.pictures.png import SIGNATURE, chunk
from engine.types import ImageParams

DIGEST = "5e1f" * 16
BOMB = zlib.compress(bytes(40_000_000), 9)
"""39 kB that become 40 MB."""


def drawing(width: int = 64, height: int = 48, mode: str = "RGB") -> Image.Image:
    """Something with edges, colours and noise; the same each time."""
    noise = bytes(random.Random(1).randbytes(width * height * 3))
    picture = Image.frombytes("RGB", (width, height), noise).point(lambda value: 100 + value // 4)
    ImageDraw.Draw(picture).rectangle((width // 4, height // 4, width // 2, height // 2), fill=(220, 30, 20))
    return picture.convert(mode)


def encoded(picture: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    written = io.BytesIO()
    picture.save(written, kind, **options)
    return written.getvalue()


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    picture.load()
    return picture


def header(width: int, height: int, depth: int = 8, colours: int = 2) -> bytes:
    return chunk(b"IHDR", width.to_bytes(4) + height.to_bytes(4) + bytes([depth, colours, 0, 0, 0]))


def png_of_chunks(*chunks: tuple[bytes, bytes], size: tuple[int, int] = (64, 64), packed: bytes = b"") -> bytes:
    """Grey, with these chunks after the header."""
    pixels = packed or zlib.compress((b"\0" + b"\x80" * 3 * size[0]) * size[1])
    more = b"".join(chunk(*one) for one in chunks)
    return SIGNATURE + header(*size) + more + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def origin(**changes: Any) -> Origin:
    params = ImageParams(prompt="a red apple", negative_prompt="blue", width=64, height=48, steps=12, seed=7)
    return Origin(**{"params": params, "model": "Atrium Emoji", "digest": DIGEST, **changes})
