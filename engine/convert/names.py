"""What GGUF calls the tensors of a Llama or Qwen, and what transformers calls them."""

from __future__ import annotations

import re

from engine.convert.process import ConversionError

OUTER = {
    "token_embd.weight": "model.embed_tokens.weight",
    "output_norm.weight": "model.norm.weight",
    "output.weight": "lm_head.weight",
}
INNER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm",
    "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
IGNORED = {"rope_freqs.weight"}  # computed from the configuration by transformers


def translated(name: str) -> str | None:
    """The name in transformers; None for a tensor that isn't needed. Raises ConversionError for an unknown one."""
    if name in IGNORED:
        return None
    if name in OUTER:
        return OUTER[name]
    if (match := re.fullmatch(r"blk\.(\d+)\.(\w+)\.(weight|bias)", name)) and match[2] in INNER:
        return f"model.layers.{match[1]}.{INNER[match[2]]}.{match[3]}"
    raise ConversionError(f"it holds a tensor {name[:80]!r} that its architecture doesn't have.")
