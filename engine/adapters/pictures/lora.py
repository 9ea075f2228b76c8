"""The tensors of an adapter's file: two for each layer that it changes, and what is known of their strength.

Untrusted input, and the same extension is used for much that isn't plain LoRA: a tensor that isn't known is refused,
not ignored.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.adapters.config import AdapterConfig, UnsupportedAdapter, read_config
from engine.adapters.pairs import check_type
from engine.adapters.pictures.layers import Shape
from engine.adapters.pictures.names import PEFT, SHORT
from engine.adapters.pictures.originals import ROOTS

METADATA = "lora_adapter_metadata"
"""Where diffusers keeps the settings of the training, as JSON with the part's name before each."""
TENSOR = re.compile(
    r"(?P<layer>[\w.]+?)\.(?:(?P<alpha>alpha)|(?:lora_|lora\.|lora_linear_layer\.)(?P<half>A|B|down|up)\.weight)"
)
OF_PROCESSOR = re.compile(r"(?P<layer>[\w.]+_lora[12]?)\.(?P<half>down|up)\.weight")
"""As XLabs has it for Flux, and diffusers had it first: the layer's name itself says that it is LoRA's."""
LOWERS = ("A", "down")
Tensors = Mapping[str, tuple[str, tuple[int, ...]]]
"""The type and the shape of each, by name."""


@dataclass(frozen=True, slots=True)
class Change:
    """Of one layer: the names of its tensors in the file."""

    down: str
    up: str
    alpha: str
    """Empty where the file has none."""
    rank: int
    shape: Shape
    """Of the weights that it changes."""


@dataclass(frozen=True, slots=True)
class Lora:
    changes: Mapping[str, Change]
    """By what the file calls the layer."""
    settings: Mapping[str, AdapterConfig]
    """By the part of the pipeline, where the file has them."""


def read_lora(tensors: Tensors, metadata: Mapping[str, str]) -> Lora:
    """Raises UnsupportedAdapter with a whole sentence."""
    found: dict[str, dict[str, str]] = {}
    for name, (dtype, _) in tensors.items():
        layer, what = _parse(name)
        check_type(name, dtype)
        if what in found.setdefault(layer, {}):
            raise UnsupportedAdapter(f"The adapter holds two tensors for the same half of “{layer[:120]}”.")
        found[layer][what] = name
    if not found:
        raise UnsupportedAdapter("The adapter holds no tensors.")
    return Lora({layer: change_of(layer, names, tensors) for layer, names in found.items()}, _settings(metadata))


def _parse(name: str) -> tuple[str, str]:
    """(layer, down or up or alpha). Raises UnsupportedAdapter."""
    if found := OF_PROCESSOR.fullmatch(name):
        return found["layer"], found["half"]
    found = TENSOR.fullmatch(name)
    if found is None:
        raise UnsupportedAdapter(
            f"It holds “{name[:120]}”, which no plain LoRA adapter has: there may be two matrices and an alpha for a "
            "layer (no DoRA, LoHa or LoKr, no biases). A whole model needs its config.json or model_index.json."
        )
    if name.startswith(PEFT) and not name.removeprefix(PEFT).startswith(ROOTS):  # fal writes these, at full strength
        raise UnsupportedAdapter(
            f"It holds “{name[:120]}”, as PEFT writes it, without the adapter_config.json that says how strong it is. "
            "Install the whole folder."
        )
    return found["layer"], found["alpha"] or ("down" if found["half"] in LOWERS else "up")


def change_of(layer: str, names: Mapping[str, str], tensors: Tensors) -> Change:
    """names: of its tensors, by what they are: down, up, alpha. Raises UnsupportedAdapter."""
    if not {"down", "up"} <= set(names):
        raise UnsupportedAdapter(f"The adapter is incomplete: of “{layer[:120]}” only one matrix is there.")
    (rank, *inputs), (outputs, *other) = (_matrix(names[half], tensors) for half in ("down", "up"))
    if other != [rank, *[1] * (len(inputs) - 1)]:
        raise UnsupportedAdapter(
            f"The adapter's matrices for “{layer[:120]}” don't go together: {[rank, *inputs]} and {[outputs, *other]}."
        )
    alpha = names.get("alpha", "")
    if alpha and tensors[alpha][1] not in ((), (1,)):
        raise UnsupportedAdapter(f"“{alpha[:120]}” of the adapter must be one number.")
    return Change(names["down"], names["up"], alpha, rank, (outputs, *inputs))


def _matrix(name: str, tensors: Tensors) -> Shape:
    """The shape of a linear layer's or a convolution's."""
    shape = tensors[name][1]
    if len(shape) not in (2, 4) or 0 in shape:
        raise UnsupportedAdapter(f"“{name[:120]}” of the adapter has the shape {shape}; a matrix was expected.")
    return shape


def _settings(metadata: Mapping[str, str]) -> dict[str, AdapterConfig]:
    try:
        told = dict(json.loads(metadata.get(METADATA, "{}")))
    except (ValueError, TypeError, RecursionError) as error:
        raise UnsupportedAdapter("The settings that the adapter's file holds aren't readable.") from error
    parts: dict[str, dict[str, Any]] = {}
    for key, value in told.items():
        part, _, setting = key.partition(".")
        if part not in SHORT:
            raise UnsupportedAdapter(f"The adapter's file holds settings of “{part[:60]}”, which isn't known here.")
        parts.setdefault(part, {})[setting] = value
    return {part: read_config(settings) for part, settings in parts.items()}
