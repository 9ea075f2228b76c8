"""Which layers of a model are alike, so that one graph serves them all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from engine.text.linears import LAID_OUT

PLACE = "layer_idx"
"""What differs between layers that are alike. Only the cache wants to know it."""
PLAIN = (bool, int, float, str, tuple, list, type(None))


class Unfit(Exception):
    """These layers can't be compiled; says why."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Layers that do the same with other numbers."""

    members: tuple[int, ...]
    own: tuple[str, ...]
    """Names of the linear layers that are called as they are."""
    described: str


def kinds_of(layers: Iterable[nn.Module]) -> list[Kind]:
    """Raises Unfit."""
    members: dict[str, list[int]] = {}
    own: dict[str, tuple[str, ...]] = {}
    for number, layer in enumerate(layers):
        names = tuple(name for name, part in layer.named_modules() if isinstance(part, LAID_OUT))
        described = repr([*_described(layer, names)])
        members.setdefault(described, []).append(number)
        own[described] = names
    return [Kind(tuple(numbers), own[described], described) for described, numbers in members.items()]


def tensors_of(layer: nn.Module, own: Iterable[str]) -> Mapping[str, torch.Tensor]:
    """Parameters and buffers that its graph takes, by name: all but those of the layers that are called."""
    inside = tuple(f"{name}." for name in own)
    found = dict(layer.named_parameters()) | dict(layer.named_buffers())
    return {name: tensor for name, tensor in found.items() if not name.startswith(inside)}


def _described(layer: nn.Module, own: Iterable[str]) -> Iterable[Any]:
    for name, part in layer.named_modules():
        if isinstance(part, LAID_OUT):  # whatever its bits are
            yield name, part.in_features, part.out_features
            continue
        kept = vars(part)
        if "forward" in kept or any(isinstance(value, torch.Tensor) for value in kept.values()):
            raise Unfit("its layers were changed for the cache, and keep numbers outside their parameters.")
        plain = {key: value for key, value in kept.items() if isinstance(value, PLAIN) and key != PLACE}
        yield name, type(part).__qualname__, sorted(plain.items(), key=lambda pair: pair[0])
    for name, tensor in tensors_of(layer, own).items():
        yield name, tuple(tensor.shape), tensor.dtype
