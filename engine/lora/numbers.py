"""The numbers of an adapter, as the model that it changes computes with them."""

from __future__ import annotations

import math
from hashlib import blake2b
from pathlib import Path

import torch

from engine.adapters import UnsupportedAdapter
from engine.store.errors import StoreError
from engine.store.safetensors import tensor_shapes

Halves = tuple[torch.Tensor, torch.Tensor]
"""A, which lowers, and B, which raises and is scaled already."""


def bytes_of(folder: Path, dtype: torch.dtype) -> int:
    """What the numbers of an adapter take in the model's format. Raises UnsupportedAdapter."""
    try:
        shapes = [shape for file in folder.glob("*.safetensors") for _, shape in tensor_shapes(file).values()]
    except (StoreError, OSError) as error:
        raise UnsupportedAdapter(f"The adapter's files can't be read: {error}") from error
    return sum(map(math.prod, shapes)) * dtype.itemsize


class Numbers:
    """Takes the tensors of one adapter, in an order that is always the same."""

    def __init__(self) -> None:
        self._hasher = blake2b(digest_size=32)

    @property
    def digest(self) -> str:
        """Of all numbers so far: adapters with equal ones do the same."""
        return self._hasher.hexdigest()

    def taken(self, stored: torch.Tensor, layer: str, half: str, factor: float, dtype: torch.dtype) -> torch.Tensor:
        """On the processor, scaled in float32 before it is rounded. Raises UnsupportedAdapter for numbers that aren't
        finite as the model computes: float16 may not hold what float32 does."""
        tensor = (stored.to(torch.float32) * factor).to(dtype).contiguous()
        if not torch.isfinite(tensor).all():
            kind = str(dtype).removeprefix("torch.")
            raise UnsupportedAdapter(f"The adapter's matrices for “{layer}” hold numbers that aren't finite in {kind}.")
        self._hasher.update(f"{layer} {half}\n".encode() + tensor.view(torch.uint8).numpy().tobytes())
        return tensor
