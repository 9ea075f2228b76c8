"""Where the tokens of one pass belong, made once a step."""

from __future__ import annotations

from collections.abc import Sequence as Several
from dataclasses import dataclass

from engine.text.attention.shape import BLOCK_SIZE
from engine.text.scheduler import Chunk


@dataclass(slots=True)
class PlannedChunk:
    """Rows `row … row+count-1` of the pass are the tokens `start …` of a sequence in these blocks. Not frozen, like
    the scheduler's: many are made each step, and it would take three times as long."""

    row: int
    start: int
    count: int
    blocks: list[int]
    further: int = 0
    """Tokens behind, in passes that follow. They have blocks."""

    @property
    def end(self) -> int:
        return self.start + self.count

    @property
    def used(self) -> list[int]:
        """The blocks that hold its sequence up to its end: of a prompt, there are more already."""
        return self.blocks[: -(-self.end // BLOCK_SIZE)]


def planned(chunks: Several[Chunk]) -> list[PlannedChunk]:
    """Their rows follow one another."""
    result, row = [], 0
    for chunk in chunks:
        result.append(PlannedChunk(row, chunk.start, chunk.rows, chunk.sequence.blocks, chunk.further))
        row += chunk.rows
    return result
