"""One request for a picture, and how its picture is shown."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import torch
from PIL import Image

from engine.image.orders import NonFinite, Order
from engine.image.pixels import to_picture
from engine.janus.drawing import Drawing
from engine.janus.model import LoadedJanus


@dataclass(slots=True, eq=False)
class Picture(Order):
    """Everything that belongs to one request; `drawing` is there once its prompt was read."""

    drawing: Drawing | None = None
    bucket: Hashable = None
    """All make their steps in the same turns."""

    @property
    def steps_left(self) -> int:
        return self.params.steps - (0 if self.drawing is None else len(self.drawing.tokens))


def shown(model: LoadedJanus, drawing: Drawing) -> Image.Image:
    """The picture; of one that isn't finished, with its newest token in all places that are still empty. Raises
    NonFinite."""
    empty = drawing.steps - len(drawing.tokens)
    pixels = model.pixels([*drawing.tokens, *drawing.tokens[-1:] * empty])
    if not bool(torch.isfinite(pixels).all()):
        raise NonFinite
    return to_picture(pixels)
