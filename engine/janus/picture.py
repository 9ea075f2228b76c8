"""One request for a picture, and how its picture is shown."""

from __future__ import annotations

import io
from collections.abc import Hashable
from dataclasses import dataclass

import torch
from PIL import Image

from engine.image.pixels import to_picture
from engine.janus.drawing import Drawing, NonFinite, guides
from engine.janus.model import LoadedJanus
from engine.ticket import ImageTicket
from engine.types import ImageParams

LONGEST = 256
"""Pixels of the longer side of a preview."""
QUALITY = 75


@dataclass(slots=True, eq=False)
class Picture:
    """Everything that belongs to one request; `drawing` is there once its prompt was read."""

    ticket: ImageTicket
    arrived: float
    drawing: Drawing | None = None
    turn: int = 0
    next_preview: float = 0.0
    """When one may be made again, of perf_counter()."""
    bucket: Hashable = None
    """All make their steps in the same turns."""

    @property
    def params(self) -> ImageParams:
        return self.ticket.request.params

    @property
    def user(self) -> str:
        return self.ticket.request.user

    @property
    def priority(self) -> int:
        return self.ticket.request.priority

    @property
    def rows(self) -> int:
        return 2 if guides(self.params.guidance) else 1


def shown(model: LoadedJanus, drawing: Drawing) -> Image.Image:
    """The picture; of one that isn't finished, with its newest token in all places that are still empty. Raises
    NonFinite."""
    empty = drawing.steps - len(drawing.tokens)
    pixels = model.pixels([*drawing.tokens, *drawing.tokens[-1:] * empty])
    if not bool(torch.isfinite(pixels).all()):
        raise NonFinite
    return to_picture(pixels)


def preview(picture: Image.Image) -> bytes:
    """A small WebP."""
    small = picture.copy()
    small.thumbnail((LONGEST, LONGEST), Image.Resampling.BICUBIC)
    written = io.BytesIO()
    small.save(written, "WEBP", quality=QUALITY)
    return written.getvalue()
