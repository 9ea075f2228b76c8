"""How large the tiles of a kernel are, by the shape of a model and what the GPU has: nothing is tried out while people
wait.

Those of short chunks are the fastest of some twenty tried on an H200 (docs/decisions/0021); the others follow from what
fits, and from what published kernels for the same work use.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch

from engine.text.attention.shape import BLOCK_SIZE, CacheShape

LEAST = 16
"""The matrix units take no fewer rows, columns or numbers to sum over."""
MOST_SUMS = 128 * 128
"""Of a tile of results, in float32: 64 KB, which 8 warps hold in 64 registers each thread."""
SHORT_TOKENS = 8
"""Chunks of so few tokens (decodes, and guesses behind them) get small tiles: reading the cache is their work."""
KEYS = 64
"""Tokens a tile of keys has, where it fits."""
STAGES, SHORT_STAGES = 2, 3
"""Tiles of keys and values in shared memory: one computed with while the next is read, or the next two where that is
all there is to do and half of the memory suffices for it."""


@dataclass(frozen=True, slots=True)
class Gpu:
    processors: int
    shared_bytes: int
    """Shared memory that one kernel may have."""
    overlaps: bool = False
    """A kernel may begin while the one before it ends."""

    @property
    def launching(self) -> dict[str, Any]:
        """Further arguments of every kernel."""
        return {"OVERLAPS": True, "launch_pdl": True} if self.overlaps else {"OVERLAPS": False}


H100 = Gpu(132, 227 * 1024)
"""228 KB a processor, of which the system keeps one. Also stands in where Triton's interpreter runs on a CPU."""


@cache
def gpu_of(device: torch.device) -> Gpu:
    if device.type != "cuda":
        return H100
    properties = torch.cuda.get_device_properties(device)
    most = getattr(properties, "shared_memory_per_block_optin", properties.shared_memory_per_block)
    overlaps = torch.version.hip is None and properties.major >= 9
    return Gpu(properties.multi_processor_count, most, overlaps)


@dataclass(frozen=True, slots=True)
class Widths:
    """Powers of two that the dimensions are padded to."""

    main: int
    rest: int
    """Of what a key has behind its first `main` numbers; 0: nothing."""
    value: int

    @classmethod
    def of(cls, shape: CacheShape) -> Widths:
        main = max(LEAST, 1 << (shape.key_dim.bit_length() - 1))
        rest = shape.key_dim - main
        return cls(main, padded(rest) if rest > 0 else 0, padded(shape.value_dim))


@dataclass(frozen=True, slots=True)
class Tile:
    rows: int
    keys: int
    warps: int
    stages: int = STAGES

    @classmethod
    def of(cls, shape: CacheShape, short: bool, gpu: Gpu) -> Tile:
        """Float32 is multiplied outside the matrix units (they would round it), with more registers: smaller tiles.

        Latents of 576 numbers in bfloat16: 32 rows and 64 keys are 36 KB of queries and 2 · 72 KB of keys, 180 KB in
        all, and no values beside them. Where that doesn't fit, there are fewer keys.
        """
        widths = Widths.of(shape)
        exact = shape.dtype is torch.float32
        rows = min(32 if exact else 128, max(LEAST, MOST_SUMS // (4 if exact else 1) // widths.value))
        if short:
            rows = min(rows, 64, padded(shape.group))
        keys = BLOCK_SIZE if exact else KEYS
        while keys > BLOCK_SIZE and shared_bytes(shape, rows, keys) > gpu.shared_bytes:
            keys //= 2
        if short and not exact and 2 * shared_bytes(shape, rows, keys, SHORT_STAGES) <= gpu.shared_bytes:
            return cls(rows, keys, 2 if rows * widths.value <= LEAST * 64 else 4, SHORT_STAGES)
        return cls(rows, keys, 8 if rows * max(widths.value, 128) >= MOST_SUMS else 4)


def shared_bytes(shape: CacheShape, rows: int, keys: int, stages: int = STAGES) -> int:
    """An estimate: queries, and stages of keys and values. What Triton takes in fact may be a little more or less."""
    widths = Widths.of(shape)
    key = widths.main + widths.rest
    value = 0 if values_are_main(shape) else widths.value
    return shape.dtype.itemsize * (rows * key + stages * keys * (key + value))


def values_are_main(shape: CacheShape) -> bool:
    """Whether the first part of a key, as it is read for the scores, is all of its value."""
    return shape.values_in_keys and Widths.of(shape).main == Widths.of(shape).value


def padded(size: int) -> int:
    return max(LEAST, 1 << (size - 1).bit_length())
