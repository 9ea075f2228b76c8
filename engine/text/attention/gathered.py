"""Attention by torch's own kernel over keys and values gathered from their blocks: every device, every shape.

Gathering copies what is read, so it costs about twice the memory traffic of a kernel that knows blocks. Query heads
that share a key/value head are folded into the query length, so that keys and values aren't expanded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch.nn.functional import scaled_dot_product_attention

from engine.text.attention.backend import AttentionPlan, Backend, Variant
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.shape import BLOCK_SIZE, CacheShape


@dataclass(frozen=True, slots=True)
class Prepared:
    """The chunks as tensors, and masks by window, made when a layer first asks for them."""

    blocks: torch.Tensor
    """`[T]`: where each token of the pass is stored, and at which place of the block."""
    places: torch.Tensor
    tables: list[torch.Tensor]
    masks: dict[int, list[torch.Tensor | None]]


class GatheredBackend(Backend):
    """Keys and values `[blocks, kv_heads, BLOCK_SIZE, dim]` a layer."""

    name = "gathered"

    def __init__(self, shape: CacheShape, blocks: int) -> None:
        super().__init__(shape, blocks)

        def cache(dim: int) -> list[torch.Tensor]:
            size = (blocks, shape.kv_heads, BLOCK_SIZE, dim)
            return [torch.empty(size, dtype=shape.dtype, device=shape.device) for _ in range(shape.layers)]

        self.keys = cache(shape.key_dim)
        self.values = [] if shape.values_in_keys else cache(shape.value_dim)

    @classmethod
    def supports(cls, shape: CacheShape) -> bool:
        return True

    @property
    def nbytes(self) -> int:
        return sum(layer.nbytes for layer in (*self.keys, *self.values))

    def prepare(self, chunks: list[PlannedChunk]) -> Prepared:
        device = self.shape.device
        places = [place for chunk in chunks for place in range(chunk.start, chunk.end)]
        blocks = [chunk.blocks[place // BLOCK_SIZE] for chunk in chunks for place in range(chunk.start, chunk.end)]
        tables = [
            torch.tensor(chunk.blocks[: -(-chunk.end // BLOCK_SIZE)], device=device) for chunk in chunks
        ]  # fmt: skip
        return Prepared(
            torch.tensor(blocks, device=device),
            torch.tensor([place % BLOCK_SIZE for place in places], device=device),
            tables,
            {},
        )

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, variant: Variant,
        plan: AttentionPlan,
    ) -> torch.Tensor:  # fmt: skip
        prepared = plan.prepared
        assert isinstance(prepared, Prepared)
        self.keys[layer][prepared.blocks, :, prepared.places] = key.transpose(0, 1)
        if self.values:
            self.values[layer][prepared.blocks, :, prepared.places] = value.transpose(0, 1)
        if variant.window not in prepared.masks:
            prepared.masks[variant.window] = [self._mask(chunk, variant.window) for chunk in plan.chunks]
        attend = self._fused if variant.sinks is None and not variant.softcap else self._plain
        parts = []
        for chunk, table, mask in zip(plan.chunks, prepared.tables, prepared.masks[variant.window], strict=True):
            keys = self._gathered(self.keys[layer], table, chunk.end)
            values = self._gathered(self.values[layer], table, chunk.end) if self.values else keys
            rows = query[:, chunk.row : chunk.row + chunk.count]
            folded = rows.reshape(1, self.shape.kv_heads, -1, rows.shape[-1])
            output = attend(folded, keys, values[..., : self.shape.value_dim], mask, variant)
            parts.append(output.reshape(*rows.shape[:2], -1).transpose(0, 1))
        return torch.cat(parts)

    def _gathered(self, cached: torch.Tensor, table: torch.Tensor, end: int) -> torch.Tensor:
        """`[1, kv_heads, end, dim]`"""
        return cached[table].transpose(0, 1).flatten(1, 2)[None, :, :end]

    def _fused(
        self, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, variant: Variant
    ) -> torch.Tensor:
        """query `[1, kv_heads, group·count, dim]`"""
        return scaled_dot_product_attention(query, keys, values, attn_mask=mask, scale=variant.scale)

    def _plain(
        self, query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, variant: Variant
    ) -> torch.Tensor:
        """The same with what torch's kernel doesn't have: softcaps and sinks."""
        scores = (query @ keys.transpose(2, 3)).float() * variant.scale
        if variant.softcap:
            scores = torch.tanh(scores / variant.softcap) * variant.softcap
        if mask is not None:
            scores = scores + mask
        most = scores.amax(-1, keepdim=True)
        sinks = None
        if variant.sinks is not None:
            count = query.shape[2] // self.shape.group
            sinks = variant.sinks.float().view(1, self.shape.kv_heads, -1, 1).repeat_interleave(count, 2)
            most = torch.maximum(most, sinks)
        weights = (scores - most).exp()
        total = weights.sum(-1, keepdim=True)
        if sinks is not None:
            total = total + (sinks - most).exp()
        return (weights / total).to(values.dtype) @ values

    def _mask(self, chunk: PlannedChunk, window: int) -> torch.Tensor | None:
        """`[group·count, end]`, 0 or −inf, for the folded heads; None where the one token sees everything."""
        if chunk.count == 1 and not (window and window < chunk.end):
            return None
        device = self.shape.device
        own = torch.arange(chunk.start, chunk.end, device=device)[:, None]
        tokens = torch.arange(chunk.end, device=device)
        hidden = tokens > own
        if window:
            hidden = hidden | (tokens <= own - window)
        mask = torch.zeros(hidden.shape, dtype=self.shape.dtype, device=device).masked_fill_(hidden, -math.inf)
        return mask.repeat(self.shape.group, 1)
