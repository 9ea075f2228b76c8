"""Any other causal language model: only how much its cache takes has to be known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from engine.text.attention.shape import CacheShape
from engine.text.compatible.model import config_of
from engine.text.families.base import Family


class AnyCausalModel(Family):
    def cache_shape(self, config: Mapping[str, Any], dtype: torch.dtype, device: torch.device) -> CacheShape:
        """As if every layer kept all keys and values: more than windows, latents or states take."""
        known = config_of(config)
        heads = known.num_attention_heads
        dim = getattr(known, "head_dim", None) or known.hidden_size // heads
        return CacheShape(
            layers=known.num_hidden_layers,
            query_heads=heads,
            kv_heads=getattr(known, "num_key_value_heads", None) or heads,
            key_dim=dim,
            value_dim=dim,
            dtype=dtype,
            device=device,
        )
