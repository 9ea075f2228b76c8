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
    """The chunks as tensors."""

    blocks: torch.Tensor
    """`[T]`: where each token of the pass is stored, and at which place of the block."""
    places: torch.Tensor
    tables: list[torch.Tensor]
    masks: Masks


class GatheredBackend(Backend):
    """For keys and values in the usual order."""

    name = "gathered"

    @classmethod
    def supports(cls, shape: CacheShape) -> bool:
        return True

    def prepare(self, chunks: list[PlannedChunk]) -> Prepared:
        device = self.shape.device
        places = [place for chunk in chunks for place in range(chunk.start, chunk.end)]
        blocks = [chunk.blocks[place // BLOCK_SIZE] for chunk in chunks for place in range(chunk.start, chunk.end)]
        return Prepared(
            torch.tensor(blocks, device=device),
            torch.tensor([place % BLOCK_SIZE for place in places], device=device),
            [torch.tensor(chunk.used, device=device) for chunk in chunks],
            Masks(self.shape),
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
        return torch.cat([self._read(layer, query, number, variant, plan) for number in range(len(plan.chunks))])

    def _read(
        self, layer: int, query: torch.Tensor, number: int, variant: Variant, plan: AttentionPlan
    ) -> torch.Tensor:
        prepared, chunk = plan.prepared, plan.chunks[number]
        assert isinstance(prepared, Prepared)
        keys = self._gathered(self.keys[layer], prepared.tables[number], chunk.end)
        values = self._gathered(self.values[layer], prepared.tables[number], chunk.end) if self.values else keys
        mask = prepared.masks.of(number, chunk, variant.window)
        rows = query[:, chunk.row : chunk.row + chunk.count]
        return attend(rows, keys, values[..., : self.shape.value_dim], mask, variant)

    def _gathered(self, cached: torch.Tensor, table: torch.Tensor, end: int) -> torch.Tensor:
        """`[kv_heads, end, dim]`"""
        return cached[table].transpose(0, 1).flatten(1, 2)[:, :end]


class Masks:
    """Of one step: by chunk and window, made when a layer first asks for one."""

    def __init__(self, shape: CacheShape) -> None:
        self._shape = shape
        self._made: dict[tuple[int, int], torch.Tensor | None] = {}

    def of(self, number: int, chunk: PlannedChunk, window: int) -> torch.Tensor | None:
        """`[group·count, end]`, 0 or −inf, for the folded heads; None where the one token sees everything."""
        if (number, window) not in self._made:
            self._made[number, window] = self._mask(chunk, window)
        return self._made[number, window]

    def _mask(self, chunk: PlannedChunk, window: int) -> torch.Tensor | None:
        if chunk.count == 1 and not (window and window < chunk.end):
            return None
        device = self._shape.device
        own = torch.arange(chunk.start, chunk.end, device=device)[:, None]
        tokens = torch.arange(chunk.end, device=device)
        hidden = tokens > own
        if window:
            hidden = hidden | (tokens <= own - window)
        mask = torch.zeros(hidden.shape, dtype=self._shape.dtype, device=device).masked_fill_(hidden, -math.inf)
        return mask.repeat(self._shape.group, 1)


def attend(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, variant: Variant
) -> torch.Tensor:
    """One chunk. query `[Hq, count, D]`, keys and values `[Hkv, end, D]`; result `[count, Hq, Dv]`."""
    folded = query.reshape(1, keys.shape[0], -1, query.shape[-1])
    if variant.sinks is None and not variant.softcap:
        output = scaled_dot_product_attention(folded, keys[None], values[None], attn_mask=mask, scale=variant.scale)
    else:
        output = _plain(folded, keys[None], values[None], mask, variant)
    return output.reshape(*query.shape[:2], -1).transpose(0, 1)


def _plain(
    query: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None, variant: Variant
) -> torch.Tensor:
    """With what torch's kernel doesn't have: softcaps and sinks. query `[1, kv_heads, group·count, dim]`."""
    scores = (query @ keys.transpose(2, 3)).float() * variant.scale
    if variant.softcap:
        scores = torch.tanh(scores / variant.softcap) * variant.softcap
    if mask is not None:
        scores = scores + mask
    most = scores.amax(-1, keepdim=True)
    sinks = None
    if variant.sinks is not None:
        by_head = variant.sinks.float().view(1, keys.shape[1], -1, 1)
        sinks = by_head.repeat_interleave(query.shape[2] // by_head.shape[2], 2)
        most = torch.maximum(most, sinks)
    weights = (scores - most).exp()
    total = weights.sum(-1, keepdim=True)
    if sinks is not None:
        total = total + (sinks - most).exp()
    return (weights / total).to(values.dtype) @ values
