"""The function that transformers' modelling code calls for attention.

One forward pass computes a flat row of tokens, first one of every decoding sequence, then the chunks of prompts being
read. Everything but attention treats them alike; here each goes to its own keys and values.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from engine.text.attention.backend import AttentionPlan, Variant

IMPLEMENTATION = "atrium_paged"


def paged_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    plan: AttentionPlan | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    s_aux: torch.Tensor | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """query `[1, Hq, T, D]`, key and value `[1, Hkv, T, D]`, result `[1, T, Hq, D]`.

    Without a plan (someone calls the module by itself) it is transformers' own SDPA attention.
    """
    if plan is None:
        output, _ = sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
        return output, None
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    variant = Variant(scale, sliding_window or 0, softcap or 0.0, s_aux)
    layer: int = module.layer_idx  # type: ignore[assignment]
    return plan.backend.attend(layer, query[0], key[0], value[0], variant, plan)[None], None


AttentionInterface.register(IMPLEMENTATION, paged_attention)
