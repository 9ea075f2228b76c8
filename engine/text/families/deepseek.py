"""DeepSeek-V3 and R1: multi-head latent attention (DeepSeek-V2, 2024, section 2.1); only the latents are cached.

The modelling code expands a token's latent to keys and values of all heads before it calls the attention function. Here
the expansion is absorbed instead, as the paper shows: queries go into the latent space (by the key half of
`kv_b_proj`), attend there as one group of heads over a single key/value head, and only the result is expanded (by the
value half).
A token then keeps `kv_lora_rank + qk_rope_head_dim` numbers a layer, 576 instead of 40,960 for the 671 B model.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MethodType
from typing import Any

import torch
from transformers.models.deepseek_v3 import modeling_deepseek_v3 as theirs

from engine.text.attention.backend import AttentionPlan, Variant
from engine.text.attention.shape import CacheShape
from engine.text.families.base import Checkpoint, Family, Piece

EXPERT = re.compile(r"(?P<experts>.*\.mlp\.experts)\.(?P<number>\d+)\.(?P<kind>gate|up|down)_proj\.weight")


class DeepSeek(Family):
    full_precision = ("e_score_correction_bias",)

    def cache_shape(self, config: Mapping[str, Any], dtype: torch.dtype, device: torch.device) -> CacheShape:
        return CacheShape(
            layers=config["num_hidden_layers"],
            query_heads=config["num_attention_heads"],
            kv_heads=1,
            key_dim=config["kv_lora_rank"] + config["qk_rope_head_dim"],
            value_dim=config["kv_lora_rank"],
            dtype=dtype,
            device=device,
            values_in_keys=True,
        )

    def checkpoint(self) -> Checkpoint:
        return SeparateExperts()

    def adapt(self, module: torch.nn.Module) -> None:
        for layer in module.modules():
            if isinstance(layer, theirs.DeepseekV3Attention):
                heads = layer.kv_b_proj.weight.view(
                    layer.num_heads, layer.qk_nope_head_dim + layer.v_head_dim, layer.kv_lora_rank
                )
                layer.to_latent = heads[:, : layer.qk_nope_head_dim]
                layer.from_latent = heads[:, layer.qk_nope_head_dim :]
                del layer.kv_b_proj
                layer.forward = MethodType(latent_attention, layer)


class SeparateExperts(Checkpoint):
    """Three tensors an expert, which the modelling code keeps in two for all of them."""

    def pieces(self, name: str, tensor: torch.Tensor) -> Iterator[Piece]:
        found = EXPERT.fullmatch(name)
        if found is None:
            yield Piece(name, tensor)
            return
        experts, number, size = found["experts"], int(found["number"]), tensor.shape[0]
        if found["kind"] == "down":
            yield Piece(f"{experts}.down_proj", tensor, (number,))
        else:
            first = 0 if found["kind"] == "gate" else size
            yield Piece(f"{experts}.gate_up_proj", tensor, (number, slice(first, first + size)))


def latent_attention(
    self: Any,
    hidden_states: torch.Tensor,
    position_embeddings: tuple[torch.Tensor, torch.Tensor],
    attention_mask: torch.Tensor | None = None,
    past_key_values: None = None,
    *,
    plan: AttentionPlan,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """In place of `DeepseekV3Attention.forward`. hidden_states `[1, T, hidden_size]`."""
    tokens = hidden_states.shape[1]
    lowered = self.q_a_layernorm(self.q_a_proj(hidden_states)) if self.q_lora_rank is not None else None
    query = self.q_b_proj(lowered) if lowered is not None else self.q_proj(hidden_states)
    query = query.view(1, tokens, self.num_heads, self.qk_head_dim).transpose(1, 2)
    own, turned = query.split([self.qk_nope_head_dim, self.qk_rope_head_dim], -1)

    latent, key = self.kv_a_proj_with_mqa(hidden_states).split([self.kv_lora_rank, self.qk_rope_head_dim], -1)
    latent = self.kv_a_layernorm(latent)[:, None]
    turn = theirs.apply_rotary_pos_emb_interleave if self.config.rope_interleave else theirs.apply_rotary_pos_emb
    turned, key = turn(turned, key[:, None], *position_embeddings)

    in_latent = torch.einsum("hte,her->htr", own[0], self.to_latent)
    output = plan.backend.attend(
        self.layer_idx,
        torch.cat([in_latent, turned[0]], -1),
        torch.cat([latent[0], key[0]], -1),
        latent[0],
        Variant(self.scaling),
        plan,
    )
    expanded = torch.einsum("thr,hvr->thv", output, self.from_latent)
    return self.o_proj(expanded.flatten(1)[None]), None
