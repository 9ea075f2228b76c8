"""The plain formula, token by token where need be: slow, and what every other way is compared with."""

from __future__ import annotations

import math

import torch

from engine.text.attention.backend import AttentionPlan, Backend, Variant
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.shape import BLOCK_SIZE, CacheShape


class ReferenceBackend(Backend):
    """Keys and values `[blocks, BLOCK_SIZE, kv_heads, dim]` a layer; computes in float32."""

    name = "reference"

    @classmethod
    def block_sizes(cls, shape: CacheShape) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (BLOCK_SIZE, shape.kv_heads, shape.key_dim), (BLOCK_SIZE, shape.kv_heads, shape.value_dim)

    @classmethod
    def supports(cls, shape: CacheShape) -> bool:
        return True

    def prepare(self, chunks: list[PlannedChunk]) -> None:
        return None

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, variant: Variant,
        plan: AttentionPlan,
    ) -> torch.Tensor:  # fmt: skip
        parts = []
        for chunk in plan.chunks:
            rows = slice(chunk.row, chunk.row + chunk.count)
            for offset in range(chunk.count):
                block, place = divmod(chunk.start + offset, BLOCK_SIZE)
                self.keys[layer][chunk.blocks[block], place] = key[:, chunk.row + offset]
                if self.values:
                    self.values[layer][chunk.blocks[block], place] = value[:, chunk.row + offset]
            parts.append(self._attend(layer, query[:, rows], chunk, variant))
        return torch.cat(parts)

    def _attend(self, layer: int, query: torch.Tensor, chunk: PlannedChunk, variant: Variant) -> torch.Tensor:
        blocks = torch.tensor(chunk.blocks, device=query.device)
        keys = self.keys[layer][blocks].flatten(0, 1)[: chunk.end]
        values = self.values[layer][blocks].flatten(0, 1)[: chunk.end] if self.values else keys
        values = values[..., : self.shape.value_dim]
        keys, values = (one.float().repeat_interleave(self.shape.group, 1).transpose(0, 1) for one in (keys, values))
        scores = query.float() @ keys.transpose(1, 2) * variant.scale
        if variant.softcap:
            scores = torch.tanh(scores / variant.softcap) * variant.softcap
        scores = scores.masked_fill(~_seen(chunk, variant.window, query.device), -math.inf)
        if variant.sinks is None:
            weights = scores.softmax(-1)
        else:
            sinks = variant.sinks.float()[:, None, None].expand(-1, chunk.count, 1)
            weights = torch.cat([scores, sinks], -1).softmax(-1)[..., :-1]
        return (weights @ values).transpose(0, 1).to(query.dtype)


def _seen(chunk: PlannedChunk, window: int, device: torch.device) -> torch.Tensor:
    """`[count, end]`: which tokens each token of the chunk sees."""
    own = torch.arange(chunk.start, chunk.end, device=device)[:, None]
    all_tokens = torch.arange(chunk.end, device=device)
    seen = all_tokens <= own
    return seen & (all_tokens > own - window) if window else seen
