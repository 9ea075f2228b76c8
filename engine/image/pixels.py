"""Between the bytes of picture files and tensors."""

from __future__ import annotations

import hashlib
import io
import warnings

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError

MAX_PIXELS = 64_000_000
PNG_EFFORT = 3
"""Of 9: a picture of a million pixels takes 40 ms, at 6 it takes 200 and is 5 % smaller."""

LONGEST = 256
"""Pixels of the longer side of a preview, unless the picture is smaller."""
QUALITY = 75
"""Of a preview."""


class BadPicture(ValueError):
    """These bytes are no picture to work with; the message is a whole sentence."""


def read_picture(data: bytes, size: tuple[int, int], mode: str) -> Image.Image:
    """A PNG, scaled to `size` (width, height); of another shape, what lies around its middle. mode: RGB or L. Raises
    BadPicture."""
    picture = open_picture(data, mode)
    return picture if picture.size == size else ImageOps.fit(picture, size, Image.Resampling.LANCZOS)


def open_picture(data: bytes, mode: str) -> Image.Image:
    """A PNG as it is. mode: RGB or L. Raises BadPicture."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            opened = Image.open(io.BytesIO(data), formats=["PNG"])
            if opened.width * opened.height > MAX_PIXELS:
                raise BadPicture(f"The picture has more than {MAX_PIXELS // 10**6} million pixels. Send a smaller one.")
            return opened.convert(mode)
    except BadPicture:
        raise
    except (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError, Warning) as error:
        raise BadPicture("The picture, or its mask, isn't a readable PNG. Send it again.") from error


def to_tensor(picture: Image.Image) -> torch.Tensor:
    """(1, 3, height, width), -1 … 1."""
    pixels = torch.from_numpy(np.array(picture, dtype=np.float32) / 255.0)
    return pixels.permute(2, 0, 1)[None] * 2 - 1


def mask_tensor(mask: Image.Image, height: int, width: int) -> torch.Tensor:
    """(1, 1, height, width): 1 where something new is drawn. height, width: in latents."""
    drawn = torch.from_numpy((np.array(mask, dtype=np.float32) >= 127.5).astype(np.float32))
    return torch.nn.functional.interpolate(drawn[None, None], size=(height, width))


def to_picture(pixels: torch.Tensor) -> Image.Image:
    """pixels: (1, 3, height, width), about -1 … 1."""
    return as_picture(pixels / 2 + 0.5)


def as_picture(pixels: torch.Tensor) -> Image.Image:
    """pixels: (1, 3, height, width), about 0 … 1."""
    levels = (pixels[0].clamp(0, 1) * 255).round().to(torch.uint8)
    return Image.fromarray(levels.permute(1, 2, 0).cpu().numpy())


def to_png(picture: Image.Image) -> tuple[bytes, str]:
    """The file, and the SHA-256 of its pixels."""
    written = io.BytesIO()
    picture.save(written, "PNG", compress_level=PNG_EFFORT)
    return written.getvalue(), hashlib.sha256(picture.tobytes()).hexdigest()


def to_preview(picture: Image.Image, size: tuple[int, int]) -> bytes:
    """A small WebP. size: (width, height) of the picture that it stands for."""
    shrunk = min(1.0, LONGEST / max(size))
    small = picture.resize((max(1, round(size[0] * shrunk)), max(1, round(size[1] * shrunk))), Image.Resampling.BICUBIC)
    written = io.BytesIO()
    small.save(written, "WEBP", quality=QUALITY, method=0)  # a third of the time, a twelfth larger
    return written.getvalue()
