"""Which model architectures the text engine serves, and what in a config.json it refuses.

Every name in `OWN_ARCHITECTURES` is served by the engine's own paged cache and proved equal to `transformers.generate`
by tests/engine/test_equality.py. Any other causal language model goes by the compatible lane (engine/text/compatible):
right too, and slower. Imports neither torch nor transformers.

A config.json is untrusted input, also beside safetensors (transformers CVE-2026-4372): keys that could bring in code or
kernels from elsewhere are refused, not ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

OWN_ARCHITECTURES = frozenset(
    {
        "DeepseekV3ForCausalLM",
        "GptOssForCausalLM",
        "LlamaForCausalLM",
        "MistralForCausalLM",
        "Qwen2ForCausalLM",
        "Qwen3ForCausalLM",
    },
)
COMPATIBLE = re.compile(r"[A-Z]\w*(ForCausalLM|LMHeadModel)", re.ASCII)
"""Whether transformers has it, the worker finds out when it loads it."""
LENGTHS = ("max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "max_sequence_length", "seq_length")
"""Under which of these names a config.json says how long a context may be."""
SUPPORTED_ROPE = frozenset({"default", "linear", "llama3", "yarn"})
"""Rotary scalings of the engine's own cache: those that are a function of the position alone. `dynamic` and `longrope`
change with the length of the whole sequence, which would differ between the members of a batch."""
SUPPORTED_QUANTISATIONS = frozenset({("GptOssForCausalLM", "mxfp4")})
MAX_JSON = 4 * 1024 * 1024
MOST_TOKENS = 2**31 - 1
SIZES = {
    "num_hidden_layers": 1_000, "num_attention_heads": 2**14, "num_key_value_heads": 2**14, "head_dim": 2**14,
    "kv_lora_rank": 2**14, "qk_rope_head_dim": 2**14,
    "hidden_size": 2**20, "intermediate_size": 2**24, "vocab_size": 2**24,
}  # fmt: skip
"""The most that a config.json may state, far above every model there is."""
EXPERTS = ("num_local_experts", "n_routed_experts", "num_experts")
"""Under which of these names a config.json says how many a layer has, 0 where it has none."""
MOST_EXPERTS = 4_096
CODE_KEYS = ("auto_map", "custom_pipeline", "custom_pipelines", "kernel_config", "use_kernels")


class UnsupportedModel(ValueError):
    """This config.json describes a model that the engine can't or won't run; the message is a whole sentence."""


def check_config(config: Mapping[str, Any]) -> str:
    """The architecture's name. Raises UnsupportedModel."""
    refuse_code(config)
    architecture = _architecture(config)
    quantised = config.get("quantization_config")
    if quantised and (architecture, _method(quantised)) not in SUPPORTED_QUANTISATIONS:
        raise UnsupportedModel("The weights are quantised; install a bfloat16, float16 or float32 version instead.")
    rope = _rope_type(config)
    if is_own(architecture) and rope not in SUPPORTED_ROPE:
        raise UnsupportedModel(f"The rotary scaling “{rope}” isn't supported; these are: {_list(SUPPORTED_ROPE)}.")
    _check_sizes(config, is_own(architecture))
    return architecture


def is_own(architecture: str) -> bool:
    """Whether the engine's own cache serves it; if not, the compatible lane does."""
    return architecture in OWN_ARCHITECTURES


def context_length(config: Mapping[str, Any]) -> int:
    """Tokens the model was made for. Raises UnsupportedModel where the config doesn't say."""
    length = next((config[name] for name in LENGTHS if config.get(name) is not None), None)
    if not isinstance(length, int) or isinstance(length, bool) or not 2 <= length <= MOST_TOKENS:
        raise UnsupportedModel(
            "config.json doesn't say how long a context may be (max_position_embeddings): a whole number from 2 to "
            f"{MOST_TOKENS:,}."
        )
    return length


def read_object(folder: Path, name: str) -> dict[str, Any]:
    """A JSON object from an untrusted configuration of a folder. Raises UnsupportedModel."""
    file = folder / name
    if not file.is_file():
        raise UnsupportedModel(f"{name} is missing.")
    if file.stat().st_size > MAX_JSON:
        raise UnsupportedModel(f"{name} is too large to be a configuration.")
    try:
        found = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise UnsupportedModel(f"{name} isn't readable JSON.") from error
    if not isinstance(found, dict):
        raise UnsupportedModel(f"{name} isn't a JSON object.")
    return found


def refuse_code(config: Mapping[str, Any]) -> None:
    """Raises UnsupportedModel for keys that could bring in code or kernels from elsewhere, however deep they lie."""
    inside: list[Any] = [config]
    while inside:
        part = inside.pop()
        if isinstance(part, list):
            inside += part
        elif isinstance(part, Mapping):
            _refuse_keys(part)
            inside += part.values()


def _refuse_keys(config: Mapping[str, Any]) -> None:
    for key in CODE_KEYS:
        if config.get(key):
            raise UnsupportedModel(f"config.json asks for code or kernels of its own (“{key}”), which never runs here.")
    for key, value in config.items():
        if "implementation" in key and isinstance(value, str) and "/" in value:
            raise UnsupportedModel(f"config.json names a kernel repository under “{key[:80]}”, which never runs here.")


def _method(quantised: Any) -> str:
    return str(quantised.get("quant_method")) if isinstance(quantised, Mapping) else ""


def _check_sizes(config: Mapping[str, Any], own: bool) -> None:
    """Raises UnsupportedModel where the module would be larger than any: building it would stop a worker for hours.
    Other architectures than our own may have a list in the place of one number."""
    limits = {key: (1, most) for key, most in SIZES.items()} | dict.fromkeys(EXPERTS, (0, MOST_EXPERTS))
    for key, (least, most) in limits.items():
        value = config.get(key)
        if value is None or (not own and isinstance(value, list)):
            continue
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise UnsupportedModel(
                f"config.json has no sound “{key}”: {value!s:.40}. It must be a whole number from {least} to {most:,}."
            )
    _check_experts(config)


def _check_experts(config: Mapping[str, Any]) -> None:
    """Raises UnsupportedModel where a token is to go through more of them than there are."""
    counts = [count for name in EXPERTS if isinstance(count := config.get(name), int) and count]
    chosen = config.get("num_experts_per_tok")
    if isinstance(chosen, int) and counts and chosen > min(counts):
        raise UnsupportedModel(f"config.json chooses {chosen} experts for a token and has {min(counts)}.")


def _architecture(config: Mapping[str, Any]) -> str:
    named = config.get("architectures")
    if not isinstance(named, list) or len(named) != 1 or not isinstance(named[0], str):
        raise UnsupportedModel("config.json must name exactly one architecture.")
    if not is_own(named[0]) and not COMPATIBLE.fullmatch(named[0]):
        raise UnsupportedModel(
            f"The architecture {named[0][:80]} isn't supported: it is no causal language model (…ForCausalLM). "
            f"The fastest are: {_list(OWN_ARCHITECTURES)}."
        )
    return named[0]


def _rope_type(config: Mapping[str, Any]) -> str:
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    kind = rope.get("rope_type", rope.get("type", "default")) if isinstance(rope, Mapping) else rope
    return str(kind)


def _list(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))
