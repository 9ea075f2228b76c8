"""Whatever pixels a file holds, as plain sRGB or greyscale of 8 bits."""

from __future__ import annotations

import io

from PIL import Image, ImageCms

SPACES = {"RGB": "RGB ", "CMYK": "CMYK", "L": "GRAY"}
"""Which colour space of an ICC profile fits which of Pillow's modes."""


def spread(picture: Image.Image) -> Image.Image:
    """In one of the modes L, RGB, RGBA and CMYK, whose values can be averaged."""
    if picture.mode == "I;16":
        return picture.convert("I").point(lambda value: value * (1 / 257) + 0.5).convert("L")
    if picture.has_transparency_data:
        return picture if picture.mode == "RGBA" else picture.convert("RGBA")
    return picture if picture.mode in SPACES else picture.convert("RGB")


def to_rgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """Of a spread picture: transparent parts become white; colours are converted by the profile where it fits."""
    picture = _flat(picture, "white")
    if profile is not None and (converted := _converted(picture, profile)) is not None:
        return converted
    return picture.convert("RGB")


def to_grey(picture: Image.Image) -> Image.Image:
    """Of a mask: transparent parts become black, and no profile changes what is half-way."""
    return _flat(picture, "black").convert("L")


def _flat(picture: Image.Image, colour: str) -> Image.Image:
    if picture.mode != "RGBA":
        return picture
    ground = Image.new("RGB", picture.size, colour)
    ground.paste(picture, mask=picture.getchannel("A"))
    return ground


def _converted(picture: Image.Image, profile: bytes) -> Image.Image | None:
    """None where the profile is of another colour space or damaged: the colours are then taken for sRGB."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if source.profile.xcolor_space != SPACES[picture.mode]:
            return None
        return ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
