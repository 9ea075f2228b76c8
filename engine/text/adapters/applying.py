"""One forward pass in which some rows go through adapters and the others don't notice.

For the duration of the pass the layers that an adapter changes get a hook, which adds the adapter's part to the rows of
the sequences that asked for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Sequence as Several
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.functional import linear

from engine.lora.hooks import hooked
from engine.text.adapters.adapter import Adapter
from engine.text.attention.plan import PlannedChunk

Rows = slice | torch.Tensor
"""Of the flat row of tokens: some that follow one another, or single ones."""
Part = tuple[Rows, torch.Tensor, torch.Tensor]


@contextmanager
def applied(chunks: Several[PlannedChunk], adapters: Several[Adapter | None], device: torch.device) -> Iterator[None]:
    """adapters: of each chunk, None where it uses the base alone."""
    parts: dict[nn.Module, list[Part]] = {}
    for adapter, places in _places(chunks, adapters, device).items():
        for layer, (down, up) in adapter.layers.items():
            parts.setdefault(layer, []).extend((rows, down, up) for rows in places)
    with hooked(parts, _add):
        yield


def _places(
    chunks: Several[PlannedChunk], adapters: Several[Adapter | None], device: torch.device
) -> dict[Adapter, list[Rows]]:
    """Chunks of prompts one by one; the decoding sequences of an adapter, a row each, all together."""
    places: dict[Adapter, list[Rows]] = {}
    single: dict[Adapter, list[int]] = {}
    for chunk, adapter in zip(chunks, adapters, strict=True):
        if adapter is None:
            continue
        if chunk.count == 1:
            single.setdefault(adapter, []).append(chunk.row)
        else:
            places.setdefault(adapter, []).append(slice(chunk.row, chunk.row + chunk.count))
    for adapter, rows in single.items():
        together = rows[-1] - rows[0] + 1 == len(rows)
        place = slice(rows[0], rows[-1] + 1) if together else torch.tensor(rows, device=device)
        places.setdefault(adapter, []).append(place)
    return places


def _add(parts: Several[Part], layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
    """In place, so that no other row is touched: a copy or a sum over all of them could change those."""
    hidden = inputs[0].flatten(0, -2)
    result = output.view(-1, output.shape[-1])
    for rows, down, up in parts:
        lowered = linear(hidden[rows], down)
        if isinstance(rows, slice):  # for many rows several times as fast as an indexed sum
            result[rows].addmm_(lowered, up.T)
        else:
            result.index_add_(0, rows, linear(lowered, up))
