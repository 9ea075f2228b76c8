"""One picture in the making."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

import torch
from PIL.Image import Image

from engine.image.adapters.adapter import AtStrength
from engine.image.families import Condition
from engine.image.orders import Order
from engine.image.timeline import Timeline


@dataclass(slots=True)
class Canvas:
    """What a masked picture keeps of its source."""

    source: Image
    kept: Image
    """The mask turned round: white where the source stays as it is."""
    clean: torch.Tensor
    """The source's latents."""
    noise: torch.Tensor
    drawn: torch.Tensor
    """(1, 1, height, width): 1 where something new comes."""


@dataclass(slots=True)
class Work:
    """What is there once the prompt was read."""

    timeline: Timeline
    latents: torch.Tensor
    generator: torch.Generator
    conditions: list[Condition]
    """Of one row, or without and with the prompt."""
    canvas: Canvas | None = None


@dataclass(slots=True, eq=False)
class Picture(Order):
    """Everything that belongs to one request; `work` is there from its admission on."""

    adapter: AtStrength | None = None
    """What it is drawn with beside the model."""
    work: Work | None = None
    saved: float = 0.0
    """When its last checkpoint was made, or its work began."""
    bucket: Hashable = field(init=False)

    def __post_init__(self) -> None:
        self.bucket = (self.params.width, self.params.height)

    @property
    def steps_left(self) -> int:
        if self.work is None:
            return self.params.steps
        return self.work.timeline.steps - self.work.timeline.done


def work_of(picture: Picture) -> Work:
    """Of one that was begun."""
    assert picture.work is not None
    return picture.work
