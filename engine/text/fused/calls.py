"""Calls of the kernels. Rows are `[n, columns]`, contiguous."""

from __future__ import annotations

import torch

from engine.text.fused import kernels

GATE_WIDTH = 1024
LINES, COLUMNS, WARPS = 4, 1024, 4
"""Of a program's tile where one row is multiplied: enough programs for every processor of a large GPU, each with some
KB on their way at a time."""


def normed(rows: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
    output = torch.empty_like(rows)
    width = _power_of_two(rows.shape[-1])
    kernels.norm[(len(rows),)](
        rows, weight, output, epsilon, COLUMNS=rows.shape[-1], WIDTH=width, num_warps=min(8, max(1, width // 512))
    )
    return output


def gated(both: torch.Tensor) -> torch.Tensor:
    """both `[n, 2 · columns]`"""
    columns = both.shape[-1] // 2
    output = both.new_empty(len(both), columns)
    kernels.gate[len(both), -(-columns // GATE_WIDTH)](both, output, COLUMNS=columns, WIDTH=GATE_WIDTH)
    return output


def turned(
    packed: torch.Tensor,
    cos: torch.Tensor,
    sin: torch.Tensor,
    *,
    heads: int,
    query_heads: int,
    key_heads: int,
    norms: tuple[torch.Tensor, torch.Tensor, float] | None,
) -> None:
    """In place. packed `[n, heads · dim]`, of which the first heads are queries, the next ones keys. norms: weights for
    queries and for keys, and the epsilon, where heads are normed first."""
    dim = packed.shape[-1] // heads
    queries, keys, epsilon = norms or (cos, cos, 0.0)
    kernels.turn[len(packed), query_heads + key_heads](
        packed, cos, sin, queries, keys, epsilon, HEADS=heads, QUERY_HEADS=query_heads, DIM=dim, HALF=dim // 2,
        WIDTH=_power_of_two(dim // 2), NORM=norms is not None, num_warps=1,
    )  # fmt: skip


def one_row(
    row: torch.Tensor,
    matrix: torch.Tensor,
    bias: torch.Tensor | None,
    output: torch.Tensor,
    *,
    add: bool = False,
    gated: bool = False,
) -> torch.Tensor:
    """`output`, with the product in it, or added to it."""
    lines, columns = output.shape[-1], matrix.shape[-1]
    kernels.one_row[(-(-lines // LINES),)](
        row, matrix, matrix if bias is None else bias, output, COLUMNS=columns, LINES=lines, BIAS=bias is not None,
        ADD=add, GATED=gated, TILE_LINES=LINES, TILE_COLUMNS=min(COLUMNS, _power_of_two(columns)), num_warps=WARPS,
    )  # fmt: skip
    return output


def _power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()
