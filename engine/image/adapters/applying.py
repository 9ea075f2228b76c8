"""One pass in which some rows go through adapters and the others don't notice.

Every layer of the networks here keeps the rows of its batch in the first dimension, whatever it does with the others; a
layer that didn't would be told by its number of rows, and the pass fails instead of mixing pictures.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import groupby
from typing import cast

import torch
from torch import nn
from torch.nn.functional import conv2d, linear

from engine.image.adapters.adapter import AtStrength
from engine.lora.hooks import hooked
from engine.lora.numbers import Halves

Change = tuple[Halves, float]
"""Of a layer, and how strong it is."""
Part = tuple[slice, Change]


@contextmanager
def applied(rows: Sequence[AtStrength | None]) -> Iterator[None]:
    """For a pass of the network. rows: the adapter of each row of its batch; those of one adapter in one strength next
    to each other are computed together."""

    def add(own: list[Part], layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        add_parts(own, layer, inputs[0], output, len(rows))

    with hooked(parts_of(rows), add):
        yield


def parts_of(rows: Sequence[AtStrength | None]) -> dict[nn.Module, list[Part]]:
    """What is added to the outputs of which layers."""
    parts: dict[nn.Module, list[Part]] = {}
    for used, place in _places(rows):
        for layer, halves in used.adapter.network.items():
            parts.setdefault(layer, []).append((place, (halves, used.strength)))
    return parts


def add_parts(own: list[Part], layer: nn.Module, inputs: torch.Tensor, output: torch.Tensor, rows: int) -> None:
    """rows: of the batch."""
    if not len(inputs) == len(output) == rows:
        raise RuntimeError(f"A layer made {len(output)} rows of {len(inputs)}, in a batch of {rows}.")
    for place, change in own:  # in place, so that no other row is touched
        _add(change, layer, (inputs[place],), output[place])


def reading(used: AtStrength | None) -> AbstractContextManager[None]:
    """For reading one prompt."""
    if used is None:
        return hooked({}, _add)
    return hooked({layer: (halves, used.strength) for layer, halves in used.adapter.readers.items()}, _add)


def _add(change: Change, layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
    halves, strength = change
    output.add_(_changed(layer, inputs[0], halves), alpha=strength)


def _changed(layer: nn.Module, inputs: torch.Tensor, halves: Halves) -> torch.Tensor:
    down, up = halves
    if down.dim() == 2:
        return linear(linear(inputs, down), up)
    own = cast(nn.Conv2d, layer)
    lowered = conv2d(inputs, down, stride=own.stride, padding=own.padding, dilation=own.dilation)
    return conv2d(lowered, up)


def _places(rows: Iterable[AtStrength | None]) -> Iterator[tuple[AtStrength, slice]]:
    begin = 0
    for used, together in groupby(rows):
        end = begin + sum(1 for _ in together)
        if used is not None:
            yield used, slice(begin, end)
        begin = end
