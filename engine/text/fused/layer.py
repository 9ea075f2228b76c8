"""One decoder layer behind the signature of the modelling code's own."""

from __future__ import annotations

from typing import Any

import torch

from engine.text.attention.backend import AttentionPlan, Variant
from engine.text.fused.calls import normed, turned
from engine.text.fused.matrix import Matrix
from engine.text.llama_layers import window_of


class FusedLayer:
    """Two norms, four matrices, rotary positions, attention, and a gate: a kernel each."""

    def __init__(self, layer: Any, number: int) -> None:
        """A layer that `fits`."""
        attention, mlp = layer.self_attn, layer.mlp
        self._number, self._dim = number, attention.head_dim
        self._norm_before, self._norm_between = layer.input_layernorm, layer.post_attention_layernorm
        self._packed = Matrix(attention.q_proj, attention.k_proj, attention.v_proj)
        self._output, self._down = Matrix(attention.o_proj), Matrix(mlp.down_proj)
        self._gate = Matrix(mlp.gate_proj, mlp.up_proj)
        self._query_heads = attention.q_proj.out_features // self._dim
        self._key_heads = attention.k_proj.out_features // self._dim
        self._norms = None
        if hasattr(attention, "q_norm"):
            norm = attention.q_norm
            self._norms = (norm.weight, attention.k_norm.weight, norm.variance_epsilon)
        self._variant = Variant(attention.scaling, window_of(layer))

    def __call__(
        self,
        hidden_states: torch.Tensor,
        *,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        plan: AttentionPlan,
        **rest: object,
    ) -> torch.Tensor:
        """As the layer's `forward`, but that hidden_states `[1, T, columns]` are changed in place."""
        hidden = hidden_states[0]
        cos, sin = position_embeddings
        packed = self._packed.times(_normed(hidden, self._norm_before))
        heads = self._query_heads + 2 * self._key_heads
        turned(
            packed, cos[0].contiguous(), sin[0].contiguous(), heads=heads, query_heads=self._query_heads,
            key_heads=self._key_heads, norms=self._norms,
        )  # fmt: skip
        parts = packed.view(-1, heads, self._dim).transpose(0, 1)
        query, key, value = torch.split(parts, [self._query_heads, self._key_heads, self._key_heads])
        attended = plan.backend.attend(self._number, query, key, value, self._variant, plan)
        self._output.added(attended.flatten(1), hidden)
        self._down.added(self._gate.gated(_normed(hidden, self._norm_between)), hidden)
        return hidden_states


def _normed(hidden: torch.Tensor, norm: Any) -> torch.Tensor:
    return normed(hidden, norm.weight, norm.variance_epsilon)
