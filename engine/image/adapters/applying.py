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

from engine.image.adapters.adapter import PictureAdapter
from engine.lora.hooks import hooked
from engine.lora.numbers import Halves

Part = tuple[slice, Halves]


@contextmanager
def applied(rows: Sequence[PictureAdapter | None]) -> Iterator[None]:
    """For a pass of the network. rows: the adapter of each row of its batch; those of one adapter next to each other
    are computed together."""
    parts: dict[nn.Module, list[Part]] = {}
    for adapter, place in _places(rows):
        for layer, halves in adapter.network.items():
            parts.setdefault(layer, []).append((place, halves))

    def add(own: list[Part], layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        if not len(inputs[0]) == len(output) == len(rows):
            raise RuntimeError(f"A layer made {len(output)} rows of {len(inputs[0])}, in a batch of {len(rows)}.")
        for place, halves in own:  # in place, so that no other row is touched
            output[place].add_(_change(layer, inputs[0][place], halves))

    with hooked(parts, add):
        yield


def reading(adapter: PictureAdapter | None) -> AbstractContextManager[None]:
    """For reading one prompt."""
    return hooked({} if adapter is None else adapter.readers, _add)


def _add(halves: Halves, layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
    output.add_(_change(layer, inputs[0], halves))


def _change(layer: nn.Module, inputs: torch.Tensor, halves: Halves) -> torch.Tensor:
    down, up = halves
    if down.dim() == 2:
        return linear(linear(inputs, down), up)
    own = cast(nn.Conv2d, layer)
    lowered = conv2d(inputs, down, stride=own.stride, padding=own.padding, dilation=own.dilation)
    return conv2d(lowered, up)


def _places(rows: Iterable[PictureAdapter | None]) -> Iterator[tuple[PictureAdapter, slice]]:
    begin = 0
    for adapter, together in groupby(rows):
        end = begin + sum(1 for _ in together)
        if adapter is not None:
            yield adapter, slice(begin, end)
        begin = end
