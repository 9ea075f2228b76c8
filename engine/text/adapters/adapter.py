"""Reads an adapter's folder for a model in memory, tensor by tensor, so that the engine thread can do other work in
between. The folder is looked at again here: whoever checked it before may not have had this model."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import nn

from engine.adapters import (
    CONFIG,
    WEIGHTS,
    AdapterConfig,
    UnsupportedAdapter,
    check_fit,
    check_type,
    pairs_of,
    read_config,
)
from engine.lora.numbers import Halves, Numbers
from engine.store.checks import read_json
from engine.store.errors import StoreError
from engine.text.loader import LoadedModel


@dataclass(frozen=True, slots=True, eq=False)
class Adapter:
    """Compared by identity. It keeps what it needs, so that whoever uses it may go on after it was let go."""

    digest: str
    """Of all numbers in it: equal ones change keys and values equally."""
    layers: dict[nn.Module, Halves]
    """For each layer: A `[rank, inputs]` and the scaled B `[outputs, rank]`, in the model's number format."""


def load_adapter(folder: Path, model: LoadedModel) -> Generator[None, None, Adapter]:
    """Yields after every tensor and returns the adapter. Raises UnsupportedAdapter."""
    try:
        config = read_config(read_json(folder / CONFIG))
        with safe_open(folder / WEIGHTS, framework="pt") as file:
            layers = _layers(file, config, model.module)
            yield
            return (yield from _filled(file, config, layers, model))
    except UnsupportedAdapter:
        raise
    except (OSError, ValueError, SafetensorError, StoreError) as error:
        raise UnsupportedAdapter(f"The adapter's files can't be read: {error}") from error


def _layers(file: Any, config: AdapterConfig, module: nn.Module) -> dict[str, nn.Module]:
    """The layers that it changes, by name. Raises UnsupportedAdapter where it doesn't fit this model."""
    shapes = {}
    for name in file.keys():  # noqa: SIM118 - it has keys() only
        look = file.get_slice(name)
        check_type(name, look.get_dtype())
        shapes[name] = tuple(look.get_shape())
    pairs = pairs_of(shapes, config)
    known: dict[str, Any] = {name: layer for name, layer in module.named_modules() if hasattr(layer, "in_features")}
    check_fit(pairs, {name: (layer.in_features, layer.out_features) for name, layer in known.items()})
    return {name: known[name] for name in sorted(pairs)}


def _filled(
    file: Any, config: AdapterConfig, layers: dict[str, nn.Module], model: LoadedModel
) -> Generator[None, None, Adapter]:
    numbers, filled = Numbers(), {}
    for name, layer in layers.items():
        halves: list[torch.Tensor] = []
        for half, factor in (("A", 1.0), ("B", config.scaling(name))):
            stored = file.get_tensor(f"base_model.model.{name}.lora_{half}.weight")
            halves.append(numbers.taken(stored, name, half, factor, model.dtype).to(model.device))
            yield
        filled[layer] = (halves[0], halves[1])
    return Adapter(numbers.digest, filled)
