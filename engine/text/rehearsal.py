"""Whether recorded steps give what launched ones give, logits and tokens: tried at load, while the cache is empty."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from collections.abc import Sequence as Several

import torch

from engine.text.attention.plan import PlannedChunk
from engine.text.attention.shape import BLOCK_SIZE
from engine.text.capture import CapturedSteps
from engine.text.loader import LoadedModel

logger = logging.getLogger(__name__)

Launch = Callable[[list[PlannedChunk], list[int]], torch.Tensor]
"""Chunks and their tokens; logits of all rows."""
SEQUENCES = ((1, 1), (15, 1), (18, 2))
"""Tokens in the cache, and new ones in each step: a beginning, one before a block's edge, one with a guess."""
TOLERANCE = {torch.float32: 1e-3}
ROUGH = 5e-2
"""Of number formats with few digits. Both are parts of the largest logit: steps of more rows multiply in another order,
and all layers add to that."""
PASSES = 2
"""Of a step that goes on by itself, and of the one that is begun behind it."""


def agree(captured: CapturedSteps, launch: Launch, model: LoadedModel, blocks: int) -> bool:
    """Each size goes one step on with the same few made-up sequences. blocks: of the cache, which are written to."""
    told, tolerance = captured.recorded, TOLERANCE.get(model.dtype, ROUGH)
    sequences = list(_made_up(len(told) + 2 * PASSES, blocks, model.context_length))
    if not told or not sequences:
        return False
    _read(launch, sequences, model.vocabulary)
    for number, rows in enumerate(told):
        chunks = _placed([_later(one, number) for one in sequences], rows)
        tokens = _tokens(chunks, model.vocabulary)
        replayed = captured.replayed(
            rows, chunks, tokens
        ).clone()  # first: its keys and values are there for nobody yet
        expected = launch(chunks, tokens)
        away = (replayed - expected).abs().max().item() / expected.abs().max().item()
        if not away <= tolerance:  # nor is what isn't a number
            logger.error("Recorded steps of %d tokens give other logits, up to %.1e of the largest away", rows, away)
            return False
    decodes = [_later(one, len(told)) for one in sequences if one.count == 1]
    # Read once more: small steps had no room for all of them.
    _read(launch, decodes, model.vocabulary)
    for rows in told:
        if not _goes_on(captured, launch, rows, _placed(decodes, rows), tolerance, model.vocabulary):
            logger.error("Recorded steps of %d tokens don't go on as launched ones", rows)
            return False
    return True


def _read(launch: Launch, sequences: list[PlannedChunk], vocabulary: int) -> None:
    """What comes before these."""
    beginnings = _placed([PlannedChunk(0, 0, one.start, one.blocks) for one in sequences])
    launch(beginnings, _tokens(beginnings, vocabulary))


def _goes_on(
    captured: CapturedSteps, launch: Launch, rows: int, chunks: list[PlannedChunk], tolerance: float, vocabulary: int
) -> bool:
    """Whether the tokens it chooses are the most probable ones, or as good as those."""
    tokens = _tokens(chunks, vocabulary)
    lefts = list(reversed(range(len(chunks))))  # the next step has them in other rows
    behind = _placed([_later(chunks[row], PASSES) for row in lefts])
    for chunk in (*chunks, *behind):
        chunk.further = PASSES - 1
    begun = captured.gone_on(rows, chunks, tokens, PASSES)
    begun_behind = captured.gone_on(rows, behind, [0] * len(chunks), PASSES, None, lefts)
    chosen = [first + then for first, then in zip(begun(), reversed(begun_behind()), strict=True)]
    if any(min(one) < 0 for one in chosen):
        return False
    for ahead in range(2 * PASSES):
        logits = launch([PlannedChunk(one.row, one.start + ahead, 1, one.blocks) for one in chunks], tokens)
        tokens = [one[ahead] for one in chosen]
        theirs = logits[torch.arange(len(tokens)), torch.tensor(tokens)]
        if not ((logits.amax(-1) - theirs).max() <= tolerance * logits.abs().max()).item():
            return False
    return True


def _made_up(steps: int, blocks: int, context: int) -> Iterator[PlannedChunk]:
    """The first chunks of those sequences for which there is room: theirs are the last blocks, in no order."""
    free = list(range(blocks))
    for start, count in SEQUENCES:
        end = start + count * steps
        needed = -(-end // BLOCK_SIZE)
        if end <= context and needed <= len(free):
            yield PlannedChunk(0, start, count, [free.pop() for _ in range(needed)])


def _later(first: PlannedChunk, steps: int) -> PlannedChunk:
    return PlannedChunk(0, first.start + steps * first.count, first.count, first.blocks)


def _placed(chunks: list[PlannedChunk], rows: int | None = None) -> list[PlannedChunk]:
    """One behind the other, as many of the first ones as have room in so many rows."""
    row = 0
    for number, chunk in enumerate(chunks):
        if rows is not None and row + chunk.count > rows:
            return chunks[:number]
        chunk.row, row = row, row + chunk.count
    return chunks


def _tokens(chunks: Several[PlannedChunk], vocabulary: int) -> list[int]:
    return [(7 * place + 3) % vocabulary for chunk in chunks for place in range(chunk.start, chunk.end)]
