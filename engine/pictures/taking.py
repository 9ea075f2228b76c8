"""A file taken apart, whichever of the three kinds it is."""

from __future__ import annotations

from engine.pictures import jpeg, png, webp
from engine.pictures.kinds import Kind, kind_of
from engine.pictures.parts import Parts
from engine.pictures.refusal import LIMITS, Limits

TAKE_APART = {Kind.PNG: png.take_apart, Kind.JPEG: jpeg.take_apart, Kind.WEBP: webp.take_apart}


def take_apart(data: bytes, *, name: str = "", declared: str = "", limits: Limits = LIMITS) -> Parts:
    """Checks how large the file is and what it is, but not yet its sides. Raises PictureRefused."""
    limits.check_size(data)
    return TAKE_APART[kind_of(data, name=name, declared=declared)](data)
