"""What the cache of one model must hold."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from engine.architectures import UnsupportedModel

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

    def __post_init__(self) -> None:
        """Raises UnsupportedModel where no attention has these heads."""
        least = min(self.layers, self.query_heads, self.kv_heads, self.key_dim, self.value_dim)
        if least < 1 or self.query_heads % self.kv_heads:
            raise UnsupportedModel(
                f"config.json asks for {self.query_heads} heads for queries and {self.kv_heads} for keys, of "
                f"{self.key_dim} numbers, which can't be."
            )

    @property
    def group(self) -> int:
        """Query heads that share a key/value head."""
        return self.query_heads // self.kv_heads

    @property
    def bytes_per_token(self) -> int:
        kept = self.key_dim + (0 if self.values_in_keys else self.value_dim)
        return self.layers * self.kv_heads * kept * self.dtype.itemsize
