"""Fused layers beside those of the modelling code: on a GPU where there is one, otherwise by Triton's interpreter.

Run by `test_triton.py` in a process of its own, because the interpreter is chosen when triton is first imported.
"""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers

from engine.text.attention.hook import IMPLEMENTATION
from engine.text.attention.plan import PlannedChunk
from engine.text.attention.reference import ReferenceBackend
from engine.text.attention.shape import CacheShape
from engine.text.fused.layer import fits
from engine.text.fused.layers import FusedLayers

DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
HIDDEN, BLOCKS = 48, 8
FAMILIES: dict[str, dict[str, Any]] = {
    "Llama": {},
    "Mistral": {"sliding_window": 4},
    "Qwen2": {},
    "Qwen3": {"head_dim": 24},
}


def model_of(family: str) -> Any:
    settings = {
        "vocab_size": 64, "hidden_size": HIDDEN, "intermediate_size": 80, "num_hidden_layers": 2, "head_dim": 16,
        "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 128, "initializer_range": 0.5,
    } | FAMILIES[family]  # fmt: skip
    if family == "Qwen2":
        settings |= {"num_attention_heads": 3, "num_key_value_heads": 3}
    torch.manual_seed(0)
    config = getattr(transformers, f"{family}Config")(**settings)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation=IMPLEMENTATION)
    for name, parameter in model.named_parameters():
        if name.endswith(("norm.weight", "layernorm.weight", ".bias")):
            parameter.data.normal_(1, 0.5)
    return model.to(DEVICE).eval().requires_grad_(False)


def cache_of(model: Any) -> ReferenceBackend:
    attention = model.model.layers[0].self_attn
    dim = attention.head_dim
    heads, kv_heads = (layer.out_features // dim for layer in (attention.q_proj, attention.k_proj))
    return ReferenceBackend(CacheShape(2, heads, kv_heads, dim, dim, torch.float32, DEVICE), BLOCKS)


def logits(model: Any, backend: ReferenceBackend, start: int, count: int) -> torch.Tensor:
    plan = backend.plan([PlannedChunk(0, start, count, [3, 1])])
    places = torch.arange(start, start + count, device=DEVICE)
    output: torch.Tensor = model(
        input_ids=(places * 7 % 64)[None], position_ids=places[None], use_cache=False, plan=plan
    ).logits
    return output


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_says_the_same_with_fused_layers(family: str) -> None:
    """A prompt, then single tokens behind it, for which there is another kernel; and without them again."""
    with torch.inference_mode():
        model = model_of(family)
        plain, turned = cache_of(model), 2 * model.model.rotary_emb.inv_freq.numel()
        expected = [logits(model, plain, *span) for span in ((0, 17), (17, 1), (18, 1))]
        assert all(fits(layer, turned) for layer in model.model.layers)
        fused, mine = FusedLayers(model.model.layers), cache_of(model)
        for span, right in zip(((0, 17), (17, 1)), expected, strict=False):
            with fused.at_work():
                assert torch.allclose(logits(model, mine, *span), right, rtol=1e-4, atol=1e-4)
        assert torch.allclose(logits(model, mine, 18, 1), expected[2], rtol=1e-4, atol=1e-4)


def test_what_does_not_fit() -> None:
    model = model_of("Llama")
    layer = model.model.layers[0]
    assert not fits(layer, 8)  # positions turn a part of each head
    layer.mlp.config.hidden_act = "gelu"
    assert not fits(layer, 16)
