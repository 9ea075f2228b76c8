"""Which config.json the engine accepts, told by what is in it."""

from __future__ import annotations

from typing import Any

import pytest

from engine.architectures import OWN_ARCHITECTURES, UnsupportedModel, check_config, context_length, is_own

GOOD: dict[str, Any] = {"architectures": ["Qwen2ForCausalLM"], "max_position_embeddings": 4096}


@pytest.mark.parametrize("name", sorted(OWN_ARCHITECTURES))
def test_each_architecture_of_the_own_cache_is_accepted(name: str) -> None:
    assert check_config(GOOD | {"architectures": [name]}) == name
    assert context_length(GOOD) == 4096


@pytest.mark.parametrize("name", ["Gemma2ForCausalLM", "GPT2LMHeadModel", "Phi3ForCausalLM"])
def test_any_other_causal_language_model_is_accepted_for_the_compatible_lane(name: str) -> None:
    longrope = {"rope_scaling": {"rope_type": "longrope"}}  # each sequence runs alone there
    assert check_config(GOOD | {"architectures": [name]} | longrope) == name
    assert not is_own(name)


@pytest.mark.parametrize("name", ["n_positions", "n_ctx", "max_seq_len", "seq_length"])
def test_the_context_goes_by_several_names(name: str) -> None:
    assert context_length({name: 1024}) == 1024


@pytest.mark.parametrize(
    "changes",
    [
        {"sliding_window": 4096, "use_sliding_window": False},
        {"sliding_window": None},
        {"sliding_window": 1024},
        {"rope_scaling": {"type": "linear", "factor": 2.0}},
        {"rope_parameters": {"rope_type": "llama3", "factor": 8.0}},
        {"_attn_implementation_autoset": True},
        {"num_local_experts": 0, "num_experts_per_tok": 2},
        {"n_routed_experts": 512, "num_experts_per_tok": 512},
    ],
)
def test_harmless_settings(changes: dict[str, Any]) -> None:
    assert check_config(GOOD | changes) == "Qwen2ForCausalLM"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"architectures": []}, "exactly one"),
        ({"architectures": "LlamaForCausalLM"}, "exactly one"),
        ({"architectures": [{"x": 1}]}, "exactly one"),
        ({"architectures": ["BertModel"]}, "no causal language model"),
        ({"architectures": ["os; ForCausalLM"]}, "no causal language model"),
        ({"auto_map": {"AutoConfig": "x.y"}}, "auto_map"),
        ({"use_kernels": True}, "use_kernels"),
        ({"_experts_implementation": "someone/kernels"}, "kernel repository"),
        ({"rope_scaling": {"rope_type": "longrope"}}, "longrope"),
        ({"quantization_config": {"quant_method": "mxfp4"}}, "quantised"),
        ({"num_local_experts": 10**6}, "“num_local_experts”: 1000000. It must be a whole number from 0 to 4,096"),
        ({"n_routed_experts": -1}, "“n_routed_experts”: -1"),
        ({"kv_lora_rank": -8}, "“kv_lora_rank”: -8"),
        ({"num_experts": 2.5}, "“num_experts”: 2.5"),
        ({"num_experts": 8, "num_experts_per_tok": 9}, "chooses 9 experts for a token and has 8"),
    ],
)
def test_refusals_are_sentences(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UnsupportedModel, match=words) as caught:
        check_config(GOOD | changes)
    assert str(caught.value).endswith(".")


@pytest.mark.parametrize("length", [None, 0, "long", True])
def test_a_context_must_be_known(length: object) -> None:
    with pytest.raises(UnsupportedModel, match="max_position_embeddings"):
        context_length({"max_position_embeddings": length})
