"""What `benchmarks.attention` computes: the cache of one layer with numbers made up, and a step behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from engine.text.attention.backend import AttentionPlan, Backend, Variant
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.shape import BLOCK_SIZE, CacheShape

SHAPES: dict[str, dict[str, Any]] = {
    "llama-8b": {"query_heads": 32, "kv_heads": 8, "key_dim": 128, "value_dim": 128},
    "llama-1b": {"query_heads": 32, "kv_heads": 8, "key_dim": 64, "value_dim": 64},
    "smollm2": {"query_heads": 9, "kv_heads": 3, "key_dim": 64, "value_dim": 64},
    "deepseek": {"query_heads": 128, "kv_heads": 1, "key_dim": 576, "value_dim": 512, "values_in_keys": True},
}


@dataclass(frozen=True, slots=True)
class Work:
    """So many sequences, each with tokens in the cache and new ones."""

    sequences: int
    context: int
    count: int

    def chunks(self) -> list[PlannedChunk]:
        """The blocks of each lie scattered over the cache, the same for every way."""
        each = -(-(self.context + self.count) // BLOCK_SIZE)
        free = torch.randperm(self.sequences * each, generator=torch.Generator().manual_seed(0)).tolist()
        return [
            PlannedChunk(number * self.count, self.context, self.count, free[number * each : (number + 1) * each])
            for number in range(self.sequences)
        ]

    @property
    def blocks(self) -> int:
        return self.sequences * -(-(self.context + self.count) // BLOCK_SIZE)

    def bytes_read(self, shape: CacheShape) -> int:
        return self.sequences * (self.context + self.count) * shape.bytes_per_token


class Layer:
    """One layer's cache, full of numbers that are the same for every way, and a step to compute."""

    def __init__(self, kind: type[Backend], shape: CacheShape, work: Work) -> None:
        self._backend, self._chunks = kind(shape, work.blocks), work.chunks()
        self._variant = Variant(shape.key_dim**-0.5)
        generator = torch.Generator().manual_seed(1)
        for chunk in self._chunks if work.context else []:
            filled = [PlannedChunk(0, 0, work.context, chunk.blocks)]
            self._attend(self._backend.plan(filled), made(shape, work.context, generator))
        self._plan = self._backend.plan(self._chunks)
        self._inputs = made(shape, work.sequences * work.count, generator)

    def output(self) -> torch.Tensor:
        return self._attend(self._plan, self._inputs)

    def whole(self) -> torch.Tensor:
        """With what a step prepares for all of its layers."""
        return self._attend(self._backend.plan(self._chunks), self._inputs)

    def _attend(self, plan: AttentionPlan, inputs: tuple[torch.Tensor, ...]) -> torch.Tensor:
        query, key, value = inputs
        return self._backend.attend(0, query, key, value, self._variant, plan)


def made(shape: CacheShape, tokens: int, generator: torch.Generator) -> tuple[torch.Tensor, ...]:
    """Query, key and value, strided as the modelling code has them."""

    def numbers(heads: int, dim: int) -> torch.Tensor:
        drawn = torch.randn(tokens, heads, dim, generator=generator)
        return drawn.to(device=shape.device, dtype=shape.dtype).transpose(0, 1)

    query, key = numbers(shape.query_heads, shape.key_dim), numbers(shape.kv_heads, shape.key_dim)
    return query, key, key[..., : shape.value_dim] if shape.values_in_keys else numbers(shape.kv_heads, shape.value_dim)
