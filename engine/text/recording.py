"""What a pass launches on a GPU, recorded as a CUDA graph."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import torch

Launching = Callable[[], None]
"""Launches a pass: the same kernels with the same memory each time, and nothing that waits for the device."""

WARM_UP = 2
"""Runs before recording, in which kernels are compiled and libraries take their memory."""


class Recorder(Protocol):
    nbytes: int
    """Memory that what it recorded keeps."""

    def __call__(self, launching: Launching) -> Launching:
        """Runs it, and returns what does the same again at once."""
        ...


class CudaGraphs:
    """All share one pool of memory, for they run one after the other: what a pass leaves must lie outside of it. Made
    by hand and not by torch's trees of graphs, which ask for one thread only. Call from the engine thread."""

    def __init__(self, device: torch.device) -> None:
        self.nbytes = 0
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool: Any = None

    def __call__(self, launching: Launching) -> Launching:
        """Raises what `launching` raises, and what CUDA says where it can't be recorded."""
        graph = torch.cuda.CUDAGraph()
        pool = self._pool or torch.cuda.graph_pool_handle()  # one that no graph is left of can't be used again
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UP):
                launching()
            torch.cuda.synchronize(self._device)
            before = torch.cuda.memory_reserved(self._device)
            self._record(graph, pool, launching)
        torch.cuda.current_stream(self._device).wait_stream(self._stream)
        self.nbytes += max(0, torch.cuda.memory_reserved(self._device) - before)
        self._pool = pool
        return graph.replay

    def _record(self, graph: torch.cuda.CUDAGraph, pool: Any, launching: Launching) -> None:
        # Other threads may use the device meanwhile (adapters are loaded): only this one's calls count.
        graph.capture_begin(pool=pool, capture_error_mode="thread_local")
        try:
            launching()
        except BaseException:
            with suppress(RuntimeError):  # it only says that something went wrong before
                graph.capture_end()
            raise
        graph.capture_end()
