"""The Triton kernels of a decoder layer: what lies between its large matrices, and those matrices for one row.

Numbers are read in the model's format, computed with in float32, and rounded once when they are written.

Where OVERLAPS, a kernel begins while the one before it ends (CUDA's programmatic dependent launch): `release_next` lets
the next one do so, and `wait_previous` stands before all that depends on the one before, and before all that is
written. Only weights are read above it.
"""

import triton
import triton.language as tl

from engine.text.attention.gpu.kernels import release_next, wait_previous


@triton.jit
def norm(
    rows, weight, output, epsilon, COLUMNS: tl.constexpr, WIDTH: tl.constexpr, OVERLAPS: tl.constexpr
):  # fmt: skip
    """RMSNorm (Zhang and Sennrich, 2019) of a row. Grid: rows. Rounded before the weight, as transformers does it."""
    release_next(OVERLAPS)
    row, column = tl.program_id(0).to(tl.int64), tl.arange(0, WIDTH)
    weights = tl.load(weight + column, mask=column < COLUMNS, other=0.0).to(tl.float32)
    wait_previous(OVERLAPS)
    numbers = tl.load(rows + row * COLUMNS + column, mask=column < COLUMNS, other=0.0).to(tl.float32)
    scale = tl.rsqrt(tl.sum(numbers * numbers, 0) / COLUMNS + epsilon)
    normed = (numbers * scale).to(output.dtype.element_ty).to(tl.float32)
    tl.store(output + row * COLUMNS + column, (normed * weights).to(output.dtype.element_ty), mask=column < COLUMNS)


@triton.jit
def gate(both, output, COLUMNS: tl.constexpr, WIDTH: tl.constexpr, OVERLAPS: tl.constexpr):
    """silu(gate) · up, where a row of `both` is gate and up, one behind the other. Grid: rows, WIDTH columns each."""
    release_next(OVERLAPS)
    wait_previous(OVERLAPS)
    row, column = tl.program_id(0).to(tl.int64), tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
    gates = tl.load(both + 2 * row * COLUMNS + column, mask=column < COLUMNS, other=0.0).to(tl.float32)
    ups = tl.load(both + (2 * row + 1) * COLUMNS + column, mask=column < COLUMNS, other=0.0).to(tl.float32)
    gated = gates / (1 + tl.exp(-gates)) * ups
    tl.store(output + row * COLUMNS + column, gated.to(output.dtype.element_ty), mask=column < COLUMNS)


@triton.jit
def turn(
    packed, cos, sin, query_weight, key_weight, epsilon,
    HEADS: tl.constexpr, QUERY_HEADS: tl.constexpr, TURNED: tl.constexpr, DIM: tl.constexpr, HALF: tl.constexpr,
    TILE: tl.constexpr, WIDTH: tl.constexpr, NORM: tl.constexpr, OVERLAPS: tl.constexpr,
):  # fmt: skip
    """Rotary positions (Su et al., 2021) of queries and keys, in place. Grid: tokens, TILE of the TURNED heads each.

    packed `[tokens, HEADS · DIM]`: query heads, key heads, value heads. cos, sin `[tokens, DIM]`, whose halves are
    equal. NORM: each head is normed first, with a weight for queries and one for keys (Qwen3).
    """
    release_next(OVERLAPS)
    token, head = tl.program_id(0).to(tl.int64), tl.program_id(1) * TILE + tl.arange(0, TILE)
    column = tl.arange(0, WIDTH)
    real = column < HALF
    there = (head < TURNED)[:, None] & real[None, :]
    first = packed + (token * HEADS + head)[:, None] * DIM + column[None, :]
    wait_previous(OVERLAPS)
    low = tl.load(first, mask=there, other=0.0).to(tl.float32)
    high = tl.load(first + HALF, mask=there, other=0.0).to(tl.float32)
    if NORM:
        scale = tl.rsqrt((tl.sum(low * low, 1) + tl.sum(high * high, 1)) / DIM + epsilon)[:, None]
        low = (low * scale).to(packed.dtype.element_ty).to(tl.float32)
        high = (high * scale).to(packed.dtype.element_ty).to(tl.float32)
        is_query = (head < QUERY_HEADS)[:, None]
        weights = tl.where(is_query, query_weight + column[None, :], key_weight + column[None, :])
        low *= tl.load(weights, mask=there, other=0.0).to(tl.float32)
        high *= tl.load(weights + HALF, mask=there, other=0.0).to(tl.float32)
    cosine = tl.load(cos + token * DIM + column, mask=real, other=0.0).to(tl.float32)[None, :]
    sine = tl.load(sin + token * DIM + column, mask=real, other=0.0).to(tl.float32)[None, :]
    tl.store(first, (low * cosine - high * sine).to(packed.dtype.element_ty), mask=there)
    tl.store(first + HALF, (high * cosine + low * sine).to(packed.dtype.element_ty), mask=there)


@triton.jit
def one_row(
    row, matrix, bias, output,
    COLUMNS: tl.constexpr, LINES: tl.constexpr, BIAS: tl.constexpr, ADD: tl.constexpr, GATED: tl.constexpr,
    TILE_LINES: tl.constexpr, TILE_COLUMNS: tl.constexpr, OVERLAPS: tl.constexpr,
):  # fmt: skip
    """A row times the transposed matrix `[LINES, COLUMNS]`. Grid: tiles of lines. ADD: to what the output holds.

    GATED: the matrix has 2 · LINES lines, gates and then ups, and silu(gate) · up is written.
    """
    release_next(OVERLAPS)
    line = tl.program_id(0).to(tl.int64) * TILE_LINES + tl.arange(0, TILE_LINES)
    column = tl.arange(0, TILE_COLUMNS)
    lines = matrix + line[:, None] * COLUMNS + column[None, :]
    there = (line < LINES)[:, None] & (column < COLUMNS)[None, :]
    weights = tl.load(lines, mask=there, other=0.0)
    if GATED:
        others = tl.load(lines + LINES * COLUMNS, mask=there, other=0.0)
    wait_previous(OVERLAPS)
    numbers = tl.load(row + column, mask=column < COLUMNS, other=0.0).to(tl.float32)
    total = weights.to(tl.float32) * numbers[None, :]
    if GATED:
        ups = others.to(tl.float32) * numbers[None, :]
    for first in range(TILE_COLUMNS, COLUMNS, TILE_COLUMNS):
        there = (line < LINES)[:, None] & (first + column < COLUMNS)[None, :]
        numbers = tl.load(row + first + column, mask=first + column < COLUMNS, other=0.0).to(tl.float32)
        total += tl.load(lines + first, mask=there, other=0.0).to(tl.float32) * numbers[None, :]
        if GATED:
            ups += tl.load(lines + LINES * COLUMNS + first, mask=there, other=0.0).to(tl.float32) * numbers[None, :]
    result = tl.sum(total, 1)
    if GATED:
        result = result / (1 + tl.exp(-result)) * tl.sum(ups, 1)
    if BIAS:
        result += tl.load(bias + line, mask=line < LINES, other=0.0).to(tl.float32)
    if ADD:
        result += tl.load(output + line, mask=line < LINES, other=0.0).to(tl.float32)
    tl.store(output + line, result.to(output.dtype.element_ty), mask=line < LINES)


@triton.jit
def part_best(
    logits, values, tokens, VOCABULARY: tl.constexpr, PARTS: tl.constexpr, PART: tl.constexpr, TILE: tl.constexpr,
    OVERLAPS: tl.constexpr,
):  # fmt: skip
    """The highest of PART logits of a row, NaN if any is, and the first token that has it. Grid: rows, parts."""
    release_next(OVERLAPS)
    wait_previous(OVERLAPS)
    row, part = tl.program_id(0).to(tl.int64), tl.program_id(1)
    best = tl.full([TILE], float("-inf"), tl.float32)
    at = tl.full([TILE], VOCABULARY, tl.int32)
    broken = tl.full([TILE], 0, tl.int32)
    for first in range(0, PART, TILE):
        token = part * PART + first + tl.arange(0, TILE)
        numbers = tl.load(logits + row * VOCABULARY + token, mask=token < VOCABULARY, other=float("-inf"))
        numbers = numbers.to(tl.float32)
        broken |= (numbers != numbers).to(tl.int32)
        higher = numbers > best
        best, at = tl.where(higher, numbers, best), tl.where(higher, token, at)
    top = tl.max(best, 0)
    tl.store(values + row * PARTS + part, tl.where(tl.max(broken, 0) > 0, float("nan"), top))
    tl.store(tokens + row * PARTS + part, tl.min(tl.where(best == top, at, VOCABULARY), 0))


@triton.jit
def go_on(
    values, parts, told, table_width, tables, slots, tokens, places, starts, lasts,
    PARTS: tl.constexpr, WIDTH: tl.constexpr, ROOM: tl.constexpr, BLOCK_SIZE: tl.constexpr,
    OVERLAPS: tl.constexpr,
):  # fmt: skip
    """The most probable token of each row is told, −1 where a logit isn't finite, and goes to the place behind. Grid:
    rows.

    told `[rows, ROOM]`: that of the last pass is last. A row at its end is stored and told nowhere from then on.
    """
    release_next(OVERLAPS)
    wait_previous(OVERLAPS)
    row, part = tl.program_id(0), tl.arange(0, WIDTH)
    value = tl.load(values + row * PARTS + part, mask=part < PARTS, other=float("-inf"))
    broken = tl.max((value != value).to(tl.int32), 0)
    top = tl.max(tl.where(value == value, value, float("-inf")), 0)
    token = tl.load(parts + row * PARTS + part, mask=part < PARTS, other=0)
    token = tl.min(tl.where(value == top, token, 2147483647), 0)
    token = tl.where((broken == 0) & (tl.abs(top) < float("inf")), token, -1)
    slot, start, last = tl.load(slots + row), tl.load(starts + row), tl.load(lasts + row)
    place = ROOM - 1 - (last - start)
    tl.store(told + row * ROOM + place, token, mask=(slot >= 0) & (place >= 0) & (place < ROOM))
    goes_on = (slot >= 0) & (start < last)
    behind = start + 1
    block = tl.load(tables + row * tl.load(table_width) + behind // BLOCK_SIZE, mask=goes_on, other=0)
    tl.store(slots + row, tl.where(goes_on, block * BLOCK_SIZE + behind % BLOCK_SIZE, -1))
    tl.store(tokens + row, tl.maximum(token, 0))
    tl.store(places + row, tl.where(goes_on, behind, start))
    tl.store(starts + row, tl.where(goes_on, behind, start))
