"""A step's numbers in memory that stays, so that a CUDA graph finds the next step where it found the one before, or
moves them on by itself.

One buffer for steps of every size: what is told of rows and chunks comes first, each list with room for the most there
may be, and the tables of blocks last, so that only what is used of them is copied. A graph is for a number of rows;
those of a step that has fewer belong to no chunk: they are stored nowhere and attend to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import torch

from engine.text.attention.gpu.splitting import WAVES, splits
from engine.text.attention.gpu.step import ALIGNED, Launch, Step, slots, sums, tasks
from engine.text.attention.gpu.tiles import SHORT_TOKENS, Gpu, Tile
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.shape import BLOCK_SIZE, CacheShape

LISTS = ("starts", "counts", "first_rows", "slots", "tokens", "places", "lasts", "lefts")
"""A number for each row, or for each chunk, of which there are no more."""
OF_TASKS = ("task_chunks", "task_rows")
NOWHERE = -1
WIDER = 16
"""Tables grow by so many blocks at a time, since all of them are written anew then."""


class HeldSteps:
    """Of at most `rows` tokens in short chunks, whose sequences have at most `width` blocks."""

    def __init__(self, rows: int, width: int, shape: CacheShape, tile: Tile, gpu: Gpu) -> None:
        self._most, self._most_width = rows, -(-width // WIDER) * WIDER
        self._shape, self._tile, self._gpu = shape, tile, gpu
        self._tasks_of_row = -(-shape.group // tile.rows)
        self._begins: dict[str, int] = {}
        self._tables = ALIGNED
        for name in (*LISTS, *OF_TASKS):
            self._begins[name] = self._tables
            self._tables += -(-self._room(name, rows) // ALIGNED) * ALIGNED
        size = self._tables + rows * self._most_width
        host = torch.zeros(size, dtype=torch.int32, pin_memory=shape.device.type == "cuda")
        self._host, self._numbers = host, host.numpy()
        self._there = torch.zeros(size, dtype=torch.int32, device=shape.device)
        self._copied = torch.cuda.Event() if shape.device.type == "cuda" else None  # type: ignore[no-untyped-call]
        """The numbers on the host may be changed again."""
        self._written: list[list[int]] = []
        """The table that stands at each row."""
        self._width = 0
        self._sums = sums(WAVES * gpu.processors * tile.rows, shape)  # one for all graphs: they run one after the other

    @property
    def nbytes(self) -> int:
        return self._there.nbytes + self._sums.values.nbytes + self._sums.highest.nbytes + self._sums.totals.nbytes

    def fits(self, chunks: Sequence[PlannedChunk]) -> bool:
        return chunks[-1].row + chunks[-1].count <= self._most and all(one.count <= SHORT_TOKENS for one in chunks)

    def tokens(self, rows: int) -> torch.Tensor:
        return self._list("tokens", rows)

    def places(self, rows: int) -> torch.Tensor:
        return self._list("places", rows)

    def lasts(self, rows: int) -> torch.Tensor:
        """Where the sequence of each row ends, in steps of several passes."""
        return self._list("lasts", rows)

    def step(self, rows: int) -> Step:
        """What the kernels are given for a graph of so many rows."""
        tasks = self._room("task_rows", rows)
        parts = splits(tasks * self._shape.kv_heads, self._most_width * BLOCK_SIZE, self._gpu.processors)
        room = self._sums if parts > 1 else None
        launch = Launch(self._tile, tasks, parts, self._list("task_chunks", rows), self._list("task_rows", rows), room)
        starts, counts, first_rows, slots = (
            self._list(name, rows) for name in ("starts", "counts", "first_rows", "slots")
        )
        return Step(self._there[:1], self._there[self._tables :], starts, counts, first_rows, slots, [launch])

    def write(
        self, rows: int, chunks: Sequence[PlannedChunk], tokens: Sequence[int], lefts: Sequence[int] | None = None
    ) -> None:
        """Chunks that fit, with their tokens, for a graph of at least so many rows.

        lefts: where the tokens aren't known yet, the rows at which the step before leaves them."""
        self._wait()
        left = None if lefts is None else self._list("tokens", self._most).clone()  # before they are overwritten
        self._write_tables(chunks)
        works = tasks(chunks, True, self._tile, self._shape.group)
        # Rows and tasks too many belong to the chunk behind the last, which has no tokens.
        self._fill("starts", rows, [chunk.start for chunk in chunks])
        self._fill("counts", rows, [chunk.count for chunk in chunks])
        self._fill("first_rows", rows, [chunk.row for chunk in chunks])
        self._fill("slots", rows, list(chain.from_iterable(map(slots, chunks))), NOWHERE)
        self._fill("task_chunks", rows, [chunk for chunk, _ in works], len(chunks))
        self._fill("task_rows", rows, [first for _, first in works])
        self._fill("tokens", rows, tokens)
        self._fill("places", rows, list(chain.from_iterable(range(chunk.start, chunk.end) for chunk in chunks)))
        self._fill("lasts", rows, [chunk.start + chunk.further for chunk in chunks])
        self._fill("lefts", rows, lefts or [])
        self._numbers[0] = self._width
        used = self._tables + len(chunks) * self._width
        self._copy(used)
        if left is not None:
            torch.index_select(left, 0, self._list("lefts", len(chunks)), out=self._list("tokens", len(chunks)))

    def clear(self, rows: int) -> None:
        """A step of no tokens: what is run with it changes nothing."""
        self._wait()
        self._numbers[: self._tables] = 0
        self._fill("slots", rows, [], NOWHERE)
        self._copy(self._tables)

    def _wait(self) -> None:
        """Until the copy of what was written last is done."""
        if self._copied is not None:
            self._copied.synchronize()

    def _copy(self, numbers: int) -> None:
        """Behind whatever the device was told to do with those before."""
        self._there[:numbers].copy_(self._host[:numbers], non_blocking=True)
        if self._copied is not None:
            self._copied.record(torch.cuda.current_stream(self._there.device))

    def _fill(self, name: str, rows: int, values: Sequence[int], rest: int = 0) -> None:
        begin = self._begins[name]
        self._numbers[begin : begin + len(values)] = values
        self._numbers[begin + len(values) : begin + self._room(name, rows)] = rest

    def _room(self, name: str, rows: int) -> int:
        return rows * self._tasks_of_row if name in OF_TASKS else rows

    def _write_tables(self, chunks: Sequence[PlannedChunk]) -> None:
        """Most sequences stand where they stood, with the blocks that they had."""
        longest = max(len(chunk.blocks) for chunk in chunks)
        if longest > self._width:
            self._width, self._written = -(-longest // WIDER) * WIDER, []
        if len(self._written) < len(chunks):
            self._written += [[] for _ in range(len(chunks) - len(self._written))]
        for row, (chunk, written) in enumerate(zip(chunks, self._written, strict=False)):
            if chunk.blocks != written:
                begin = self._tables + row * self._width
                self._numbers[begin : begin + len(chunk.blocks)] = chunk.blocks
                self._written[row] = chunk.blocks.copy()

    def _list(self, name: str, rows: int) -> torch.Tensor:
        return self._there[self._begins[name] : self._begins[name] + self._room(name, rows)]
