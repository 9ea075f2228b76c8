"""From a file that anybody may have sent to pixels: checked first, then decoded with the rest taken out."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

from PIL import Image

from engine.pictures.colours import spread, to_grey, to_rgb
from engine.pictures.exif import orientation
from engine.pictures.kinds import Kind
from engine.pictures.parts import Parts
from engine.pictures.pixels import png_of
from engine.pictures.refusal import LIMITS, Limits, PictureRefused, damaged
from engine.pictures.taking import take_apart

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
"""By EXIF's orientation."""
TRANSPARENT = "Send a PNG that is transparent where the picture is to be drawn anew."


@dataclass(frozen=True, slots=True)
class Picture:
    """A clean picture: pixels and nothing else."""

    png: bytes
    width: int
    height: int
    pixels_sha256: str
    """Of its bytes row by row: three per pixel, or one of a mask."""


def decode(data: bytes, *, name: str = "", declared: str = "", limits: Limits = LIMITS) -> Picture:
    """An RGB picture from an upload with this file name and declared media type, where they are known.

    Transparent parts become white, larger pictures are scaled down to `limits.kept`. Raises PictureRefused.
    """
    parts = _checked(data, name, declared, limits)
    return _picture(to_rgb(_decoded(parts, limits), parts.profile), parts)


def decode_mask(data: bytes, *, name: str = "", declared: str = "", limits: Limits = LIMITS) -> Picture:
    """A greyscale picture: white is drawn anew, black (and what is transparent) stays. Raises PictureRefused."""
    parts = _checked(data, name, declared, limits)
    mask = to_grey(_decoded(parts, limits))
    if not any(mask.histogram()[128:]):
        raise PictureRefused("The mask has nothing white, so nothing would change. Paint white what is to be drawn.")
    return _picture(mask, parts)


def decode_transparency(data: bytes, *, name: str = "", declared: str = "", limits: Limits = LIMITS) -> Picture:
    """A mask as `decode_mask` gives it, of a file in which what is drawn anew is fully transparent. Raises
    PictureRefused."""
    parts = _checked(data, name, declared, limits)
    shown = _decoded(parts, limits)
    if shown.mode != "RGBA":
        raise PictureRefused(f"The mask has no transparency. {TRANSPARENT}")
    mask = shown.getchannel("A").point(lambda value: 0 if value else 255)
    if mask.getbbox() is None:
        raise PictureRefused(f"Nothing in the mask is fully transparent, so nothing would change. {TRANSPARENT}")
    return _picture(mask, parts)


def _checked(data: bytes, name: str, declared: str, limits: Limits) -> Parts:
    parts = take_apart(data, name=name, declared=declared, limits=limits)
    limits.check_sides(parts.width, parts.height, is_jpeg=parts.kind is Kind.JPEG)
    if parts.is_animated:
        raise PictureRefused("The picture is animated. Save the one frame you want as PNG and choose that.")
    return parts


def _decoded(parts: Parts, limits: Limits) -> Image.Image:
    """Only the decoder of this kind is reachable, and it sees a file of nothing but pixels."""
    try:
        with Image.open(io.BytesIO(parts.drawing), formats=[parts.kind.value]) as picture:
            if picture.size != (parts.width, parts.height):
                raise damaged("its header contradicts itself")
            target = _target(picture.size, limits.kept)
            picture.draft(None, target)
            picture.load()
            return _scaled(spread(picture), target)
    except PictureRefused:
        raise
    except Exception as error:  # decoders raise what they meet: OSError, SyntaxError, EOFError …
        raise damaged("its pixels can't be read") from error


def _target(size: tuple[int, int], longest: int) -> tuple[int, int]:
    share = min(1.0, longest / max(size))
    return max(1, round(size[0] * share)), max(1, round(size[1] * share))


def _scaled(picture: Image.Image, target: tuple[int, int]) -> Image.Image:
    if picture.size == target:
        return picture.copy()
    return picture.resize(target, Image.Resampling.LANCZOS, reducing_gap=3.0)


def _picture(picture: Image.Image, parts: Parts) -> Picture:
    if (turn := TURNS.get(orientation(parts.exif))) is not None:  # the first of them is 0
        picture = picture.transpose(turn)
    digest = hashlib.sha256(picture.tobytes()).hexdigest()
    return Picture(png_of(picture), picture.width, picture.height, digest)
