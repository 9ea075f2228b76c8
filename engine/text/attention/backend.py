"""What a way of computing attention must do. Each owns the cache, since each has its own best order of the numbers."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch

from engine.text.attention.plan import PlannedChunk
from engine.text.attention.shape import BLOCK_SIZE, CacheShape


@dataclass(frozen=True, slots=True)
class Variant:
    """What differs between the attention layers of model families."""

    scale: float
    window: int = 0
    """A token sees so many tokens, itself included; 0: all."""
    softcap: float = 0.0
    """Scores are squeezed into ±softcap by tanh (Gemma 2); 0: they aren't."""
    sinks: torch.Tensor | None = None
    """`[query_heads]`: a score that takes part in the softmax and has no value (gpt-oss)."""


@dataclass(frozen=True, slots=True)
class AttentionPlan:
    """What every layer of one pass needs to know; handed to the hook as the keyword `plan`."""

    backend: Backend
    chunks: list[PlannedChunk]
    prepared: object
    """The backend's own form of the chunks."""


class Backend(ABC):
    """One model's cache of `blocks` blocks, and attention over it."""

    name: str

    def __init__(self, shape: CacheShape, blocks: int) -> None:
        self.shape = shape
        self.blocks = blocks
        keys, values = self.block_sizes(shape)
        self.keys = self._allocated(keys)
        self.values = [] if shape.values_in_keys else self._allocated(values)

    @classmethod
    def block_sizes(cls, shape: CacheShape) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """In which order a block of one layer keeps the numbers of its keys, and of its values: usually a head after
        the other, each `[BLOCK_SIZE, dim]`."""
        return (shape.kv_heads, BLOCK_SIZE, shape.key_dim), (shape.kv_heads, BLOCK_SIZE, shape.value_dim)

    @classmethod
    @abstractmethod
    def supports(cls, shape: CacheShape) -> bool: ...

    def plan(self, chunks: list[PlannedChunk]) -> AttentionPlan:
        return AttentionPlan(self, chunks, self.prepare(chunks))

    @abstractmethod
    def prepare(self, chunks: list[PlannedChunk]) -> object:
        """What `attend` wants to know of a step, made once for all layers."""

    @abstractmethod
    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, variant: Variant,
        plan: AttentionPlan,
    ) -> torch.Tensor:  # fmt: skip
        """Store the new keys and values, then attend. query `[Hq, T, D]`, key `[Hkv, T, D]`, value `[Hkv, T, Dv]`, of
        any strides; result `[T, Hq, Dv]`."""

    @property
    def nbytes(self) -> int:
        return sum(layer.nbytes for layer in (*self.keys, *self.values))

    def _allocated(self, block: tuple[int, ...]) -> list[torch.Tensor]:
        size = (self.blocks, *block)
        return [torch.empty(size, dtype=self.shape.dtype, device=self.shape.device) for _ in range(self.shape.layers)]
