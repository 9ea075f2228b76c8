"""The tensors of an adapter: two for each linear layer it changes, and the sizes that they must have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from engine.adapters.config import AdapterConfig, UnsupportedAdapter

DTYPES = frozenset({"F32", "F16", "BF16"})
NAME = re.compile(r"base_model\.model\.(?P<layer>[\w.]+)\.lora_(?P<half>[AB])\.weight")
LAYER = re.compile(r"model\.layers\.\d+\.(self_attn|mlp|mlp\.shared_experts)\.(?P<kind>\w+)")
KINDS = frozenset({
    "q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj",
    "q_a_proj", "q_b_proj", "kv_a_proj_with_mqa",
})  # fmt: skip
"""Linear layers through which every token goes once, in order. Not the experts, each of which sees some of the tokens,
nor DeepSeek's `kv_b_proj`, which is absorbed into others."""
Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Pair:
    """A `[rank, inputs]` and B `[outputs, rank]` of one layer."""

    rank: int
    inputs: int
    outputs: int


def pairs_of(shapes: Shapes, config: AdapterConfig) -> dict[str, Pair]:
    """By the name of the layer in the base, from the names and shapes of all tensors. Raises UnsupportedAdapter."""
    halves: dict[str, dict[str, tuple[int, ...]]] = {}
    for name, shape in shapes.items():
        layer, half = _parse(name)
        if len(shape) != 2:
            raise UnsupportedAdapter(f"“{name}” of the adapter has the shape {shape}; a matrix was expected.")
        halves.setdefault(layer, {})[half] = shape
    if not halves:
        raise UnsupportedAdapter("The adapter holds no tensors.")
    return {layer: _pair(layer, both, config) for layer, both in halves.items()}


def check_type(name: str, dtype: str) -> None:
    """dtype: as safetensors call it. Raises UnsupportedAdapter."""
    if dtype not in DTYPES:
        raise UnsupportedAdapter(f"“{name}” is of type {dtype}; allowed are {', '.join(sorted(DTYPES))}.")


def check_fit(pairs: Mapping[str, Pair], sizes: Mapping[str, tuple[int, int]]) -> None:
    """sizes: (inputs, outputs) of the base's linear layers. Raises UnsupportedAdapter for another model's adapter."""
    for layer, pair in pairs.items():
        if layer not in sizes:
            raise UnsupportedAdapter(f"The adapter was made for another model: this one has no layer “{layer}”.")
        for what, own, expected in zip(("inputs", "outputs"), (pair.inputs, pair.outputs), sizes[layer], strict=True):
            if own != expected:
                raise UnsupportedAdapter(
                    f"The adapter was made for another model: “{layer}” has {expected} {what}, the adapter's {own}."
                )


def _parse(name: str) -> tuple[str, str]:
    """(layer, A or B). Raises UnsupportedAdapter."""
    found = NAME.fullmatch(name)
    if found is None:
        raise UnsupportedAdapter(
            f"The adapter holds “{name[:120]}”; only lora_A and lora_B of linear layers are supported "
            "(no embeddings, no biases, no DoRA)."
        )
    layer = found["layer"]
    place = LAYER.fullmatch(layer)
    if place is None or place["kind"] not in KINDS:
        raise UnsupportedAdapter(
            f"The adapter changes “{layer[:120]}”; of attention and MLP it may change {', '.join(sorted(KINDS))}."
        )
    return layer, found["half"]


def _pair(layer: str, both: Mapping[str, tuple[int, ...]], config: AdapterConfig) -> Pair:
    if set(both) != {"A", "B"}:
        raise UnsupportedAdapter(f"The adapter is incomplete: of lora_A and lora_B of “{layer}” only one is there.")
    (rank, inputs), (outputs, other) = both["A"], both["B"]
    if not rank == other == config.rank_of(layer):
        raise UnsupportedAdapter(
            f"The adapter's matrices for “{layer}” have the ranks {rank} and {other}, "
            f"adapter_config.json says {config.rank_of(layer)}."
        )
    return Pair(rank, inputs, outputs)
