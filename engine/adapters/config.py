"""`adapter_config.json`: untrusted input, and a long list of variants of which only plain LoRA is computed here.

A setting that changes what is computed and isn't known here is refused, not ignored: it would answer, and wrongly.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

USED = frozenset({
    "peft_type", "base_model_name_or_path", "r", "lora_alpha", "use_rslora", "rank_pattern", "alpha_pattern", "bias",
    "init_lora_weights", "modules_to_save",
})  # fmt: skip
HARMLESS = frozenset({
    "auto_mapping", "ensure_weight_tying", "eva_config", "exclude_modules", "inference_mode", "layers_pattern",
    "layers_to_transform", "lora_dropout", "megatron_core", "peft_version", "qalora_group_size", "revision",
    "target_modules", "task_type",
})  # fmt: skip
"""They matter to training, or say again what the tensors' names say."""
REASONS = {
    "use_dora": "It is a DoRA adapter",
    "modules_to_save": "It replaces whole layers (“modules_to_save”)",
    "trainable_token_indices": "It changes embeddings of tokens",
    "target_parameters": "It changes parameters of experts (“target_parameters”)",
    "lora_bias": "It was trained with biases of its own",
    "layer_replication": "It repeats layers of its base",
    "fan_in_fan_out": "It is for layers that keep their weights transposed",
    "alora_invocation_tokens": "It is an activated LoRA, which begins at certain tokens",
}
STARTS = (True, False, None, "gaussian", "eva", "orthogonal")
"""Ways to begin training that leave the base as it was; PiSSA, OLoRA and others change it."""
LITERAL = re.compile(r"[A-Za-z0-9_.]+")
T = TypeVar("T")
MAX_NAME = 300  # characters
MAX_PATTERNS = 5_000
MAX_RANK = 2**16
MAX_ALPHA = 2**24


class UnsupportedAdapter(ValueError):
    """This adapter can't be applied; the message is a whole sentence."""


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """A plain LoRA: the layer's output grows by `scaling · B · A · input`."""

    base_name: str
    """What it was trained on, as its author wrote it; may be empty."""
    rank: int
    alpha: float
    rslora: bool = False
    ranks: Mapping[str, int] | None = None
    """For layers whose name ends so, in place of `rank`; the first that fits counts."""
    alphas: Mapping[str, float] | None = None

    def rank_of(self, layer: str) -> int:
        return _first(self.ranks or {}, layer, self.rank)

    def scaling(self, layer: str) -> float:
        rank = self.rank_of(layer)
        alpha = _first(self.alphas or {}, layer, self.alpha)
        return alpha / (math.sqrt(rank) if self.rslora else rank)


def read_config(raw: Mapping[str, Any]) -> AdapterConfig:
    """Raises UnsupportedAdapter."""
    if raw.get("peft_type") != "LORA":
        kind = str(raw.get("peft_type"))[:40]
        raise UnsupportedAdapter(f"The adapter is of the kind {kind!r}; only LORA is supported.")
    _refuse_variants(raw)
    name = raw.get("base_model_name_or_path")
    return AdapterConfig(
        base_name=name if isinstance(name, str) and len(name) <= MAX_NAME and name.isprintable() else "",
        rank=_rank(raw.get("r"), "r"),
        alpha=_number(raw.get("lora_alpha"), "lora_alpha"),
        rslora=bool(raw.get("use_rslora")),
        ranks={layer: _rank(rank, layer) for layer, rank in _pattern(raw, "rank_pattern").items()},
        alphas={layer: _number(alpha, layer) for layer, alpha in _pattern(raw, "alpha_pattern").items()},
    )


def _refuse_variants(raw: Mapping[str, Any]) -> None:
    for key, words in REASONS.items():
        if raw.get(key):
            raise UnsupportedAdapter(f"{words}, which isn't supported; train it as plain LoRA.")
    if raw.get("bias", "none") != "none":
        raise UnsupportedAdapter("It trained the base's biases, which isn't supported; train it with bias “none”.")
    start = raw.get("init_lora_weights", True)
    if not any(start is known or start == known for known in STARTS):
        raise UnsupportedAdapter(
            f"It began with {str(start)[:40]!r}, which changes the base; save it converted to LoRA."
        )
    for key, value in raw.items():
        if value and key not in USED and key not in HARMLESS:
            raise UnsupportedAdapter(f"adapter_config.json asks for {key[:60]!r}, which isn't known here.")


def _pattern(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    pattern = raw.get(key) or {}
    if not isinstance(pattern, Mapping):
        raise UnsupportedAdapter(f"“{key}” in adapter_config.json must be an object.")
    if len(pattern) > MAX_PATTERNS:
        raise UnsupportedAdapter(f"“{key}” in adapter_config.json names more than {MAX_PATTERNS:,} layers.")
    for layer in pattern:
        if not LITERAL.fullmatch(layer):
            raise UnsupportedAdapter(f"“{key}” holds a regular expression; name the layers instead.")
    return pattern


def _first(pattern: Mapping[str, T], layer: str, otherwise: T) -> T:
    fitting = (value for ending, value in pattern.items() if layer == ending or layer.endswith(f".{ending}"))
    return next(fitting, otherwise)


def _rank(value: Any, name: str) -> int:
    if type(value) is not int or not 1 <= value <= MAX_RANK:
        raise UnsupportedAdapter(
            f"The rank “{name[:80]}” in adapter_config.json must be a whole number above 0, at most {MAX_RANK:,}."
        )
    return value


def _number(value: Any, name: str) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool) or not abs(value) <= MAX_ALPHA:
        raise UnsupportedAdapter(
            f"“{name[:80]}” in adapter_config.json must be a finite number, at most {MAX_ALPHA:,}."
        )
    return float(value)
