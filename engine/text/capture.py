"""Decode steps as CUDA graphs: what a step launches is recorded once for each size, and replayed by one call.

A GPU computes a step of a small model faster than Python can launch its kernels. Sizes are a few numbers of rows; a
step takes the next larger one. Recorded in the engine thread, by hand and not by torch's trees of graphs, which ask for
one thread only; all graphs share one pool of memory, as they run one after the other. What can't be recorded runs as it
would without.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence as Several
from time import perf_counter
from typing import Any

import torch

from engine.device import is_out_of_memory
from engine.text.attention.backend import AttentionPlan
from engine.text.attention.gpu.backend import TritonBackend
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.shape import BLOCK_SIZE
from engine.text.fused.layers import FusedLayers
from engine.text.loader import LoadedModel
from engine.text.scheduler import DRAFT_ROWS

logger = logging.getLogger(__name__)

WARM_UP = 2
"""Runs before recording, in which kernels are compiled and libraries take their memory."""


def sizes(most: int) -> list[int]:
    """Numbers of rows to record, the largest first, so that the others find its memory. Few rows cost the same, and
    matrix units work on many at a time."""
    fine = [1, 2, 4, 8, 16, 32, 48, 64]
    return sorted({*(size for size in fine if size < most), *range(96, most, 32), most}, reverse=True)


class CapturedSteps:
    """Of a model with fused layers, over its cache. Call from the engine thread, in inference mode."""

    def __init__(self, model: LoadedModel, backend: TritonBackend, fused: FusedLayers, sequences: int) -> None:
        """sequences: at most so many at a time."""
        self._model, self._backend, self._fused = model, backend, fused
        most = max(sequences, DRAFT_ROWS)
        self._held = backend.held(most, -(-model.context_length // BLOCK_SIZE))
        self._logits = torch.empty(most, model.vocabulary, dtype=torch.float32, device=model.device)
        self._missing = sizes(most)
        self._graphs: dict[int, torch.cuda.CUDAGraph] = {}
        self._pool: Any = torch.cuda.graph_pool_handle()
        self._stream = torch.cuda.Stream(model.device)
        self.seconds = 0.0
        """What recording took."""

    @property
    def recorded(self) -> int:
        return len(self._graphs)

    def record(self) -> bool:
        """One more size. Whether any are left."""
        if not self._missing:
            return False
        rows, began = self._missing.pop(0), perf_counter()
        try:
            self._graphs[rows] = self._recorded(rows)
        except Exception as error:
            logger.warning("Steps of %d tokens can't be recorded; they are launched kernel by kernel: %s", rows, error)
            if not is_out_of_memory(error):
                self._missing.clear()
        self.seconds += perf_counter() - began
        return bool(self._missing)

    def run(self, chunks: Several[PlannedChunk], tokens: Several[int]) -> torch.Tensor | None:
        """Logits of all rows, float32, which stand until the next step; None where no graph fits."""
        wanted = chunks[-1].row + chunks[-1].count
        rows = min((size for size in self._graphs if size >= wanted), default=None)
        if rows is None or not self._held.fits(chunks):
            return None
        self._held.write(rows, chunks, tokens)
        self._graphs[rows].replay()
        return self._logits[:wanted]

    def _recorded(self, rows: int) -> torch.cuda.CUDAGraph:
        device, graph = self._model.device, torch.cuda.CUDAGraph()
        self._held.clear(rows)
        self._stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UP):
                self._forward(rows)
            torch.cuda.synchronize(device)
            # Other threads may use the device meanwhile (adapters are loaded): only this one's calls count.
            graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                self._forward(rows)
            finally:
                graph.capture_end()
        torch.cuda.current_stream(device).wait_stream(self._stream)
        return graph

    def _forward(self, rows: int) -> None:
        with self._fused.at_work():
            output = self._model.module(
                input_ids=self._held.tokens(rows)[None],
                position_ids=self._held.places(rows)[None],
                use_cache=False,
                plan=AttentionPlan(self._backend, [], self._held.step(rows)),
            )
        self._logits[:rows].copy_(output.logits[0])
