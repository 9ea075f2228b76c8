"""Which decoder layers are of Llama's kind, so that one implementation of ours stands for all of them."""

from __future__ import annotations

from typing import Any

from torch import nn

WINDOWS = {
    "LlamaDecoderLayer": lambda attention: None,
    "MistralDecoderLayer": lambda attention: attention.config.sliding_window,
    "Qwen2DecoderLayer": lambda attention: attention.sliding_window,
    "Qwen3DecoderLayer": lambda attention: attention.sliding_window,
}
"""Where each keeps how far its tokens see."""


def fits(layer: Any, turned: int, linear: type[nn.Module] = nn.Linear) -> bool:
    """Whether it is one of those, with nothing in it that ours don't do. turned: numbers of a head that the model's
    rotary positions turn. linear: what its matrices must be."""
    if type(layer).__name__ not in WINDOWS:
        return False
    attention, mlp = layer.self_attn, layer.mlp
    linears = [attention.q_proj, attention.k_proj, attention.v_proj, mlp.gate_proj, mlp.up_proj]
    added = [attention.o_proj, mlp.down_proj]
    return (
        all(type(one) is linear for one in (*linears, *added))
        and all(one.bias is None for one in (mlp.gate_proj, mlp.up_proj, *added))
        and mlp.config.hidden_act == "silu"
        and attention.head_dim == turned
    )


def window_of(layer: Any) -> int:
    """A token sees so many tokens, itself included; 0: all."""
    return WINDOWS[type(layer).__name__](layer.self_attn) or 0  # type: ignore[no-untyped-call]
