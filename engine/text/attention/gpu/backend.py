"""Attention on a GPU that reads keys and values where they lie.

A step is described by one list of integers, copied to the device once; then a layer is one launch that stores, one for
the short chunks and one for the long ones, and one more for each whose context is read in parts (Flash-Decoding: Dao et
al., 2023). Nothing waits for the device.
"""

from __future__ import annotations

from importlib.util import find_spec

import torch

from engine.text.attention.backend import AttentionPlan, Backend, Variant
from engine.text.attention.gpu.held import HeldSteps
from engine.text.attention.gpu.step import Step, step_of
from engine.text.attention.gpu.tiles import Tile, gpu_of, shared_bytes
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.shape import CacheShape

DTYPES = (torch.float32, torch.bfloat16, torch.float16)


class TritonBackend(Backend):
    """For keys and values in the usual order."""

    name = "triton"

    def __init__(self, shape: CacheShape, blocks: int) -> None:
        # Here and not above: it imports triton, which machines without a GPU don't have.
        from engine.text.attention.gpu.launches import Layer

        super().__init__(shape, blocks)
        self._gpu = gpu_of(shape.device)
        self._tiles = {short: Tile.of(shape, short, self._gpu) for short in (True, False)}
        self._layers = [
            Layer(shape, *both, self._gpu) for both in zip(self.keys, self.values or self.keys, strict=True)
        ]

    @classmethod
    def supports(cls, shape: CacheShape) -> bool:
        if shape.device.type != "cuda" or shape.dtype not in DTYPES or find_spec("triton") is None:
            return False
        gpu = gpu_of(shape.device)
        tiles = [Tile.of(shape, short, gpu) for short in (True, False)]
        return all(shared_bytes(shape, tile.rows, tile.keys) <= gpu.shared_bytes for tile in tiles)

    def held(self, rows: int, width: int) -> HeldSteps:
        """For CUDA graphs: of short chunks, at most so many tokens, of sequences of at most `width` blocks."""
        return HeldSteps(rows, width, self.shape, self._tiles[True], self._gpu)

    def prepare(self, chunks: list[PlannedChunk]) -> Step:
        return step_of(chunks, self.shape, self._tiles, self._gpu)

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, variant: Variant,
        plan: AttentionPlan,
    ) -> torch.Tensor:  # fmt: skip
        step = plan.prepared
        assert isinstance(step, Step)
        query, key, value = (one if one.stride(2) == 1 else one.contiguous() for one in (query, key, value))
        with torch.cuda.device_of(query):  # type: ignore[no-untyped-call]
            self._layers[layer].store(key, value, step)
            return self._layers[layer].attend(query, variant, step)
