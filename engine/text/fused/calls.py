"""Calls of the kernels. Rows are `[n, columns]`, contiguous."""

from __future__ import annotations

import torch

from engine.text.attention.gpu.tiles import gpu_of
from engine.text.fused import kernels

GATE_WIDTH, HEADS_AT_ONCE = 1024, 8
LINES, COLUMNS, WARPS = 2, 2048, 8
"""Of a program's tile where one row is multiplied: of those tried on an H200 with eight matrices of two models, within
5 % of the best for seven (docs/decisions/0023)."""


def normed(rows: torch.Tensor, weight: torch.Tensor, epsilon: float) -> torch.Tensor:
    output = torch.empty_like(rows)
    width = power_of_two(rows.shape[-1])
    kernels.norm[(len(rows),)](
        rows,
        weight,
        output,
        epsilon,
        COLUMNS=rows.shape[-1],
        WIDTH=width,
        num_warps=min(8, max(1, width // 512)),
        **gpu_of(rows.device).launching,
    )
    return output


def gated(both: torch.Tensor) -> torch.Tensor:
    """both `[n, 2 · columns]`"""
    columns = both.shape[-1] // 2
    output = both.new_empty(len(both), columns)
    kernels.gate[len(both), -(-columns // GATE_WIDTH)](
        both, output, COLUMNS=columns, WIDTH=GATE_WIDTH, **gpu_of(both.device).launching
    )
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
    kernels.turn[len(packed), -(-(query_heads + key_heads) // HEADS_AT_ONCE)](
        packed, cos, sin, queries, keys, epsilon, HEADS=heads, QUERY_HEADS=query_heads,
        TURNED=query_heads + key_heads, DIM=dim, HALF=dim // 2, TILE=HEADS_AT_ONCE, WIDTH=power_of_two(dim // 2),
        NORM=norms is not None, num_warps=2, **gpu_of(packed.device).launching,
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
        ADD=add, GATED=gated, TILE_LINES=LINES, TILE_COLUMNS=min(COLUMNS, power_of_two(columns)), num_warps=WARPS,
        **gpu_of(row.device).launching,
    )  # fmt: skip
    return output


def power_of_two(number: int) -> int:
    return 1 << (number - 1).bit_length()
