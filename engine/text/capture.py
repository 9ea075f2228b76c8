"""Decode steps that are recorded once for each size, and replayed by one call a pass.

A GPU computes a step of a small model faster than Python can launch its kernels. Sizes are a few numbers of rows; a
step takes the next larger one. What can't be recorded runs as it would without. A recorded pass ends with the most
probable tokens, and leaves the numbers of the next one: replayed again, it goes on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from collections.abc import Sequence as Several
from functools import partial
from time import perf_counter

import torch

from engine.device import is_out_of_memory, release_memory
from engine.text.attention.backend import AttentionPlan
from engine.text.attention.gpu.backend import TritonBackend
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.shape import BLOCK_SIZE
from engine.text.drawing import Drawing
from engine.text.fused.layers import FusedLayers, going_on
from engine.text.loader import LoadedModel
from engine.text.recording import Launching, Recorder
from engine.text.scheduler import DRAFT_ROWS

logger = logging.getLogger(__name__)


def sizes(most: int) -> list[int]:
    """Numbers of rows to record, the largest first, so that the others find its memory. Few rows cost the same, and
    matrix units work on many at a time."""
    fine = [1, 2, 4, 8, 16, 32, 48, 64]
    return sorted({*(size for size in fine if size < most), *range(96, most, 32), most}, reverse=True)


class CapturedSteps:
    """Of a model with fused layers, over its cache. Call from the engine thread, in inference mode."""

    def __init__(
        self, model: LoadedModel, backend: TritonBackend, fused: FusedLayers, sequences: int, record: Recorder
    ) -> None:
        """sequences: at most so many at a time. Raises what recording raises, but for memory that is short."""
        self._model, self._backend, self._fused, self._record = model, backend, fused, record
        most = max(sequences, DRAFT_ROWS)
        self._held = backend.held(most, -(-model.context_length // BLOCK_SIZE))
        self._logits = torch.empty(most, model.vocabulary, dtype=model.dtype, device=model.device)
        self._going_on = going_on(most, model.vocabulary, model.device)
        self._sizes = sizes(most)
        self._replays: dict[int, Launching] = {}
        """The smallest last."""
        began = perf_counter()
        for rows in self._sizes:
            self._try(rows)
        release_memory(model.device)  # what was tried before each recording
        seconds = perf_counter() - began
        logger.info("Recorded steps of %s tokens in %.1f s", ", ".join(map(str, self._replays)) or "no", seconds)

    @property
    def recorded(self) -> list[int]:
        return list(self._replays)

    @property
    def nbytes(self) -> int:
        """Memory that stays taken."""
        return self._held.nbytes + self._logits.nbytes + self._going_on.nbytes + self._record.nbytes

    def run(self, chunks: Several[PlannedChunk], tokens: Several[int]) -> torch.Tensor | None:
        """Logits of all rows, which stand until the next step; None where none that was recorded fits."""
        rows = self._size(chunks, tokens)
        return None if rows is None else self.replayed(rows, chunks, tokens)

    def go_on(
        self,
        chunks: Several[PlannedChunk],
        tokens: Several[int],
        passes: int,
        drawing: Drawing | None,
        lefts: Several[int] | None = None,
    ) -> Callable[[], list[list[int]]] | None:
        """The most probable tokens, or drawn ones: of each chunk as many as it wants. Chunks of one token each. To be
        called when they are waited for.

        lefts: where `tokens` aren't known yet, of each chunk the row of the step before that it goes on with."""
        rows = self._size(chunks, tokens)
        return None if rows is None else self.gone_on(rows, chunks, tokens, passes, drawing, lefts)

    def replayed(self, rows: int, chunks: Several[PlannedChunk], tokens: Several[int]) -> torch.Tensor:
        """By the step that was recorded for so many rows, for chunks that fit."""
        self._held.write(rows, chunks, tokens)
        self._replays[rows]()
        return self._logits[: len(tokens)]

    def gone_on(
        self,
        rows: int,
        chunks: Several[PlannedChunk],
        tokens: Several[int],
        passes: int,
        drawing: Drawing | None = None,
        lefts: Several[int] | None = None,
    ) -> Callable[[], list[list[int]]]:
        """The same, of `go_on`."""
        self._held.write(rows, chunks, tokens, lefts)
        for _ in range(passes):
            self._replays[rows]()
            if drawing is not None:
                drawing(self._logits[: len(tokens)], self._held.tokens(rows))
        wanted = [1 + chunk.further for chunk in chunks]
        most_probable, drawn = self._going_on.told(len(wanted)), None if drawing is None else drawing.told()

        def told() -> list[list[int]]:
            found = [one[-count:] for one, count in zip(most_probable(), wanted, strict=True)]
            for row, tokens_of_row in ({} if drawn is None else drawn()).items():
                found[row] = tokens_of_row[: wanted[row]]
            return found

        return told

    def _size(self, chunks: Several[PlannedChunk], tokens: Several[int]) -> int | None:
        """Rows of the recorded step that fits."""
        rows = min((size for size in self._sizes if size >= len(tokens)), default=None)
        return rows if rows in self._replays and self._held.fits(chunks) else None  # a much larger one takes longer

    def _try(self, rows: int) -> None:
        """Where memory is short, the next ones, which are smaller, may still find enough."""
        self._held.clear(rows)
        try:
            self._replays[rows] = self._record(partial(self._launch, rows))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            logger.warning("Memory is short for recording steps of %d tokens; they are launched", rows)
        if rows not in self._replays:
            release_memory(self._model.device)

    def _launch(self, rows: int) -> None:
        tokens, places, step = self._held.tokens(rows), self._held.places(rows), self._held.step(rows)
        with self._fused.at_work():
            output = self._model.module(
                input_ids=tokens[None],
                position_ids=places[None],
                use_cache=False,
                plan=AttentionPlan(self._backend, [], step),
            )
        self._logits[:rows].copy_(output.logits[0])
        self._going_on(output.logits[0], step, tokens, places, self._held.lasts(rows))
