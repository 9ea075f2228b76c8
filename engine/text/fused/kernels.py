"""The Triton kernels of a decoder layer: what lies between its large matrices, and those matrices for one row.

Numbers are read in the model's format, computed with in float32, and rounded once when they are written.
"""

import triton
import triton.language as tl


@triton.jit
def norm(rows, weight, output, epsilon, COLUMNS: tl.constexpr, WIDTH: tl.constexpr):
    """RMSNorm (Zhang and Sennrich, 2019) of a row. Grid: rows. Rounded before the weight, as transformers does it."""
    row, column = tl.program_id(0).to(tl.int64), tl.arange(0, WIDTH)
    numbers = tl.load(rows + row * COLUMNS + column, mask=column < COLUMNS, other=0.0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(numbers * numbers, 0) / COLUMNS + epsilon)
    normed = (numbers * scale).to(output.dtype.element_ty).to(tl.float32)
    weights = tl.load(weight + column, mask=column < COLUMNS, other=0.0).to(tl.float32)
    tl.store(output + row * COLUMNS + column, (normed * weights).to(output.dtype.element_ty), mask=column < COLUMNS)


@triton.jit
def gate(both, output, COLUMNS: tl.constexpr, WIDTH: tl.constexpr):
    """silu(gate) · up, where a row of `both` is gate and up, one behind the other. Grid: rows, WIDTH columns each."""
    row, column = tl.program_id(0).to(tl.int64), tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
    gates = tl.load(both + 2 * row * COLUMNS + column, mask=column < COLUMNS, other=0.0).to(tl.float32)
    ups = tl.load(both + (2 * row + 1) * COLUMNS + column, mask=column < COLUMNS, other=0.0).to(tl.float32)
    gated = gates / (1 + tl.exp(-gates)) * ups
    tl.store(output + row * COLUMNS + column, gated.to(output.dtype.element_ty), mask=column < COLUMNS)


@triton.jit
def turn(
    packed, cos, sin, query_weight, key_weight, epsilon,
    HEADS: tl.constexpr, QUERY_HEADS: tl.constexpr, DIM: tl.constexpr, HALF: tl.constexpr, WIDTH: tl.constexpr,
    NORM: tl.constexpr,
):  # fmt: skip
    """Rotary positions (Su et al., 2021) of queries and keys, in place. Grid: tokens, query heads and then key heads.

    packed `[tokens, HEADS · DIM]`: query heads, key heads, value heads. cos, sin `[tokens, DIM]`, whose halves are
    equal. NORM: each head is normed first, with a weight for queries and one for keys (Qwen3).
    """
    token, head = tl.program_id(0).to(tl.int64), tl.program_id(1)
    column = tl.arange(0, WIDTH)
    there = column < HALF
    first = packed + (token * HEADS + head) * DIM + column
    low = tl.load(first, mask=there, other=0.0).to(tl.float32)
    high = tl.load(first + HALF, mask=there, other=0.0).to(tl.float32)
    if NORM:
        scale = tl.rsqrt((tl.sum(low * low, 0) + tl.sum(high * high, 0)) / DIM + epsilon)
        low = (low * scale).to(packed.dtype.element_ty).to(tl.float32)
        high = (high * scale).to(packed.dtype.element_ty).to(tl.float32)
        is_query = head < QUERY_HEADS
        low *= tl.load(query_weight + column, mask=there & is_query, other=0.0).to(tl.float32) + tl.load(
            key_weight + column, mask=there & (head >= QUERY_HEADS), other=0.0
        ).to(tl.float32)
        high *= tl.load(query_weight + HALF + column, mask=there & is_query, other=0.0).to(tl.float32) + tl.load(
            key_weight + HALF + column, mask=there & (head >= QUERY_HEADS), other=0.0
        ).to(tl.float32)
    cosine = tl.load(cos + token * DIM + column, mask=there, other=0.0).to(tl.float32)
    sine = tl.load(sin + token * DIM + column, mask=there, other=0.0).to(tl.float32)
    tl.store(first, (low * cosine - high * sine).to(packed.dtype.element_ty), mask=there)
    tl.store(first + HALF, (high * cosine + low * sine).to(packed.dtype.element_ty), mask=there)


@triton.jit
def one_row(
    row, matrix, bias, output,
    COLUMNS: tl.constexpr, LINES: tl.constexpr, BIAS: tl.constexpr, ADD: tl.constexpr, GATED: tl.constexpr,
    TILE_LINES: tl.constexpr, TILE_COLUMNS: tl.constexpr,
):  # fmt: skip
    """A row times the transposed matrix `[LINES, COLUMNS]`. Grid: tiles of lines. ADD: to what the output holds.

    GATED: the matrix has 2 · LINES lines, gates and then ups, and silu(gate) · up is written.
    """
    line = tl.program_id(0).to(tl.int64) * TILE_LINES + tl.arange(0, TILE_LINES)
    column = tl.arange(0, TILE_COLUMNS)
    total = tl.full([TILE_LINES, TILE_COLUMNS], 0.0, tl.float32)
    ups = tl.full([TILE_LINES, TILE_COLUMNS], 0.0, tl.float32)
    lines = matrix + line[:, None] * COLUMNS + column[None, :]
    for begin in range(0, COLUMNS, TILE_COLUMNS):
        there = (line < LINES)[:, None] & (begin + column < COLUMNS)[None, :]
        numbers = tl.load(row + begin + column, mask=begin + column < COLUMNS, other=0.0).to(tl.float32)
        total += tl.load(lines + begin, mask=there, other=0.0).to(tl.float32) * numbers[None, :]
        if GATED:
            ups += tl.load(lines + LINES * COLUMNS + begin, mask=there, other=0.0).to(tl.float32) * numbers[None, :]
    result = tl.sum(total, 1)
    if GATED:
        result = result / (1 + tl.exp(-result)) * tl.sum(ups, 1)
    if BIAS:
        result += tl.load(bias + line, mask=line < LINES, other=0.0).to(tl.float32)
    if ADD:
        result += tl.load(output + line, mask=line < LINES, other=0.0).to(tl.float32)
    tl.store(output + line, result.to(output.dtype.element_ty), mask=line < LINES)
