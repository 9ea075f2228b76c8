"""What the kernels want to know of a step: numbers on the device, brought there by one copy."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import torch

from engine.text.attention.gpu.splitting import splits
from engine.text.attention.gpu.tiles import SHORT_TOKENS, Gpu, Tile
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.shape import BLOCK_SIZE, CacheShape

ALIGNED = 4
"""Every list begins at a multiple of 16 bytes: Triton compiles a kernel again for pointers that don't."""


@dataclass(frozen=True, slots=True)
class Sums:
    """Of a split context, in float32: what each part adds up to. All layers of a step use them, one after the other."""

    values: torch.Tensor
    highest: torch.Tensor
    totals: torch.Tensor


@dataclass(frozen=True, slots=True)
class Launch:
    """Chunks that are computed with the same tile."""

    tile: Tile
    tasks: int
    splits: int
    chunks: torch.Tensor
    """`[tasks]`: number of the chunk."""
    rows: torch.Tensor
    """`[tasks]`: first of its rows."""
    sums: Sums | None
    """None where nothing is split."""


@dataclass(frozen=True, slots=True)
class Step:
    table_width: torch.Tensor
    """`[1]`"""
    tables: torch.Tensor
    """`[chunks · table_width]`"""
    starts: torch.Tensor
    counts: torch.Tensor
    first_rows: torch.Tensor
    slots: torch.Tensor
    """`[T]`: where each token is stored, block · BLOCK_SIZE + place; −1: nowhere."""
    launches: list[Launch]


def step_of(chunks: Sequence[PlannedChunk], shape: CacheShape, tiles: dict[bool, Tile], gpu: Gpu) -> Step:
    """`tiles`: that of short chunks under True."""
    width = max(len(chunk.used) for chunk in chunks)
    works = [(tile, work) for short, tile in tiles.items() if (work := tasks(chunks, short, tile, shape.group))]
    lists = [
        array("i", [width]),
        array("i", chain.from_iterable(chunk.used + [0] * (width - len(chunk.used)) for chunk in chunks)),
        array("i", [chunk.start for chunk in chunks]),
        array("i", [chunk.count for chunk in chunks]),
        array("i", [chunk.row for chunk in chunks]),
        array("i", chain.from_iterable(map(slots, chunks))),
        *(array("i", column) for _, work in works for column in zip(*work, strict=True)),
    ]
    table_width, tables, starts, counts, first_rows, stored, *columns = on_device(lists, shape.device)
    launches = []
    for number, (tile, work) in enumerate(works):
        longest = max(chunks[chunk].end for chunk, _ in work)
        parts = splits(len(work) * shape.kv_heads, longest, gpu.processors)
        room = sums(len(work) * shape.kv_heads * parts * tile.rows, shape) if parts > 1 else None
        of_tasks, first = columns[2 * number], columns[2 * number + 1]
        launches.append(Launch(tile, len(work), parts, of_tasks, first, room))
    return Step(table_width, tables, starts, counts, first_rows, stored, launches)


def tasks(chunks: Sequence[PlannedChunk], short: bool, tile: Tile, group: int) -> list[tuple[int, int]]:
    """Tiles of rows: number of the chunk, first row."""
    return [
        (number, first)
        for number, chunk in enumerate(chunks)
        if (chunk.count <= SHORT_TOKENS) is short
        for first in range(0, chunk.count * group, tile.rows)
    ]


def slots(chunk: PlannedChunk) -> list[int]:
    places = range(chunk.start, chunk.end)
    return [chunk.blocks[place // BLOCK_SIZE] * BLOCK_SIZE + place % BLOCK_SIZE for place in places]


def on_device(lists: Sequence[array[int]], device: torch.device) -> list[torch.Tensor]:
    """One copy from memory that the device reads by itself. torch keeps that memory until the copy is done."""
    together, begins = array("i"), []
    for one in lists:
        begins.append(len(together))
        together.extend(one)
        together.extend([0] * (-len(together) % ALIGNED))
    host = torch.empty(len(together), dtype=torch.int32, pin_memory=device.type == "cuda")
    host.copy_(torch.frombuffer(together, dtype=torch.int32))
    there = host.to(device, non_blocking=True)
    return [there[begin : begin + len(one)] for begin, one in zip(begins, lists, strict=True)]


def sums(lines: int, shape: CacheShape) -> Sums:
    """Bounded by what `splits` allows: twice the GPU's processors of tiles, 34 MB on an H100."""
    values, highest, totals = (
        torch.empty(lines * size, dtype=torch.float32, device=shape.device) for size in (shape.value_dim, 1, 1)
    )
    return Sums(values, highest, totals)
