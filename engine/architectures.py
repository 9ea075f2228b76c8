"""Which model architectures the text engine serves, and what in a config.json it refuses.

Every name here is proved equal to `transformers.generate` by tests/engine/test_equality.py. Imports neither torch nor
transformers. A config.json is untrusted input, also beside safetensors (transformers CVE-2026-4372): keys that could
bring in code or kernels from elsewhere are refused, not ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SUPPORTED_ARCHITECTURES = frozenset(
    {
        "DeepseekV3ForCausalLM",
        "GptOssForCausalLM",
        "LlamaForCausalLM",
        "MistralForCausalLM",
        "Qwen2ForCausalLM",
        "Qwen3ForCausalLM",
    },
)
SUPPORTED_ROPE = frozenset({"default", "linear", "llama3", "yarn"})
"""Rotary scalings that are a function of the position alone. `dynamic` and `longrope` change with the length of the
whole sequence, which would differ between the members of a batch."""
SUPPORTED_QUANTISATIONS = frozenset({("GptOssForCausalLM", "mxfp4")})
CODE_KEYS = ("auto_map", "custom_pipeline", "custom_pipelines", "kernel_config", "use_kernels")


class UnsupportedModel(ValueError):
    """This config.json describes a model that the engine can't or won't run; the message is a whole sentence."""


def check_config(config: Mapping[str, Any]) -> str:
    """The architecture's name. Raises UnsupportedModel."""
    refuse_code(config)
    architecture = _architecture(config)
    quantised = config.get("quantization_config")
    if quantised and (architecture, quantised.get("quant_method")) not in SUPPORTED_QUANTISATIONS:
        raise UnsupportedModel("The weights are quantised; install a bfloat16, float16 or float32 version instead.")
    rope = _rope_type(config)
    if rope not in SUPPORTED_ROPE:
        raise UnsupportedModel(f"The rotary scaling “{rope}” isn't supported; these are: {_list(SUPPORTED_ROPE)}.")
    return architecture


def context_length(config: Mapping[str, Any]) -> int:
    """Tokens the model was made for. Raises UnsupportedModel where the config doesn't say."""
    length = config.get("max_position_embeddings")
    if not isinstance(length, int) or isinstance(length, bool) or length < 2:
        raise UnsupportedModel("config.json doesn't say how long a context may be (max_position_embeddings).")
    return length


def refuse_code(config: Mapping[str, Any]) -> None:
    """Raises UnsupportedModel for keys that could bring in code or kernels from elsewhere."""
    for key in CODE_KEYS:
        if config.get(key):
            raise UnsupportedModel(f"config.json asks for code or kernels of its own (“{key}”), which never runs here.")
    for key, value in config.items():
        if "implementation" in key and isinstance(value, str) and "/" in value:
            raise UnsupportedModel(f"config.json names a kernel repository under “{key}”, which never runs here.")


def _architecture(config: Mapping[str, Any]) -> str:
    named = config.get("architectures")
    if not isinstance(named, list) or len(named) != 1 or not isinstance(named[0], str):
        raise UnsupportedModel("config.json must name exactly one architecture.")
    if named[0] not in SUPPORTED_ARCHITECTURES:
        raise UnsupportedModel(
            f"The architecture {named[0]} isn't supported; these are: {_list(SUPPORTED_ARCHITECTURES)}."
        )
    return named[0]


def _rope_type(config: Mapping[str, Any]) -> str:
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default")) if isinstance(rope, Mapping) else rope
    return str(kind)


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
