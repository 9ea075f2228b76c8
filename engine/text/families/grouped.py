"""Llama and SmolLM2, Mistral, Qwen2 and Qwen3, and with them the R1 distillations: grouped queries, whose modelling
code hands everything that differs (windows, sinks, softcaps) to the attention function."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from engine.text.attention.shape import CacheShape
from engine.text.families.base import Family


class GroupedQueries(Family):
    def cache_shape(self, config: Mapping[str, Any], dtype: torch.dtype, device: torch.device) -> CacheShape:
        heads = config["num_attention_heads"]
        dim = config.get("head_dim") or config["hidden_size"] // heads
        return CacheShape(
            layers=config["num_hidden_layers"],
            query_heads=heads,
            kv_heads=config.get("num_key_value_heads") or heads,
            key_dim=dim,
            value_dim=dim,
            dtype=dtype,
            device=device,
        )
