"""What the cache of one model must hold."""

from __future__ import annotations

from dataclasses import dataclass

import torch

BLOCK_SIZE = 16
"""Tokens a block. Small enough that little is wasted at the end of a sequence, and one vector of AVX-512."""


@dataclass(frozen=True, slots=True)
class CacheShape:
    layers: int
    query_heads: int
    kv_heads: int
    key_dim: int
    value_dim: int
    dtype: torch.dtype
    device: torch.device
    values_in_keys: bool = False
    """A value is the first `value_dim` numbers of its key, and isn't kept twice (latent attention)."""

    @property
    def group(self) -> int:
        """Query heads that share a key/value head."""
        return self.query_heads // self.kv_heads

    @property
    def bytes_per_token(self) -> int:
        kept = self.key_dim + (0 if self.values_in_keys else self.value_dim)
        return self.layers * self.kv_heads * kept * self.dtype.itemsize
