"""gpt-oss: grouped queries with windows and sinks, experts whose weights come as MXFP4.

MXFP4 (OCP Microscaling Formats 1.0): blocks of 32 four-bit numbers (one sign, two exponent, one fraction bit), two in a
byte, the lower half first, that share a scale, a power of two with a bias of 127. They are expanded as they are loaded:
the 20 B model then takes 42 GB in bfloat16.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from engine.text.families.base import Checkpoint, Piece
from engine.text.families.grouped import GroupedQueries

FOUR_BITS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
BLOCKS, SCALES = "_blocks", "_scales"
BIAS = 127


class GptOss(GroupedQueries):
    def checkpoint(self) -> Checkpoint:
        return PackedExperts()

    def numbers(self, name: str, stored: int) -> int:
        return 2 * stored if name.endswith(BLOCKS) else 0 if name.endswith(SCALES) else stored


class PackedExperts(Checkpoint):
    """Blocks and scales of one parameter may lie in different files."""

    def __init__(self) -> None:
        self._waiting: dict[str, tuple[str, torch.Tensor]] = {}

    def pieces(self, name: str, tensor: torch.Tensor) -> Iterator[Piece]:
        ending = next((ending for ending in (BLOCKS, SCALES) if name.endswith(ending)), "")
        if not ending:
            yield Piece(name, tensor)
            return
        parameter = name.removesuffix(ending)
        if parameter not in self._waiting:
            self._waiting[parameter] = (ending, tensor)
            return
        other_ending, other = self._waiting.pop(parameter)
        if other_ending == ending:
            raise ValueError(f"“{name}” is there twice")
        blocks, scales = (tensor, other) if ending == BLOCKS else (other, tensor)
        yield Piece(parameter, expand(blocks, scales))

    def left_over(self) -> str:
        return next(iter(self._waiting), "")


def expand(blocks: torch.Tensor, scales: torch.Tensor) -> torch.Tensor:
    """blocks `[experts, rows, groups, 16]` and scales `[experts, rows, groups]`, bytes: `[experts, columns, rows]` in
    bfloat16, as the experts multiply them. Raises ValueError for other shapes and types."""
    if blocks.dtype is not torch.uint8 or scales.dtype is not torch.uint8 or blocks.shape[:-1] != scales.shape:
        raise ValueError(
            f"MXFP4 blocks {tuple(blocks.shape)} and scales {tuple(scales.shape)} of bytes don't fit each other"
        )
    values = torch.tensor([*FOUR_BITS, *(-value for value in FOUR_BITS)], dtype=torch.bfloat16)
    experts, rows, groups, half = blocks.shape
    result = torch.empty(experts, groups * half * 2, rows, dtype=torch.bfloat16)
    for expert in range(experts):  # one at a time: in between they take four times the memory
        numbers = torch.stack([values[(blocks[expert] & 15).int()], values[(blocks[expert] >> 4).int()]], -1)
        scaled = torch.ldexp(numbers.flatten(-2), (scales[expert].int() - BIAS)[..., None])
        result[expert] = scaled.flatten(-2).T
    return result
