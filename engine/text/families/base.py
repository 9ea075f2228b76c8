from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from engine.text.attention.shape import CacheShape


@dataclass(frozen=True, slots=True)
class Piece:
    """Numbers for a parameter, or for a part of it where a checkpoint keeps in several tensors what is one here."""

    name: str
    tensor: torch.Tensor
    part: tuple[int | slice, ...] = ()


class Checkpoint:
    """Translates the tensors of one checkpoint into pieces of parameters, in any order, one at a time."""

    def pieces(self, name: str, tensor: torch.Tensor) -> Iterator[Piece]:
        yield Piece(name, tensor)

    def left_over(self) -> str:
        """Name of a tensor that waits for another one which never came; empty if there is none."""
        return ""


class Family:
    """How a family's modelling code is run by this engine."""

    full_precision: tuple[str, ...] = ()
    """Endings of the names of parameters that stay in float32 whatever the rest is in."""

    def cache_shape(self, config: Mapping[str, Any], dtype: torch.dtype, device: torch.device) -> CacheShape:
        """From the model's config.json."""
        raise NotImplementedError

    def checkpoint(self) -> Checkpoint:
        return Checkpoint()

    def numbers(self, name: str, stored: int) -> int:
        """How many numbers a tensor of so many stored ones has once `checkpoint` translated it."""
        return stored

    def adapt(self, module: torch.nn.Module) -> None:
        """Change the loaded module where its own way of computing doesn't fit a paged cache."""
