"""Several linear layers that read the same rows, as one matrix."""

from __future__ import annotations

from collections.abc import Sequence as Several

import torch
from torch import nn
from torch.nn.functional import linear

from engine.text.fused.calls import gated, one_row


class Matrix:
    """The layers stay what they are: their weights become parts of the one here, so nothing is kept twice.

    Rows are `[n, in_features]`. One row alone is a matter of reading the weights, which a kernel of ours does.
    """

    def __init__(self, *layers: nn.Linear) -> None:
        self.weight = _together([layer.weight for layer in layers])
        biases = [layer.bias for layer in layers if layer.bias is not None]
        self.bias = _together(biases) if biases else None

    def times(self, rows: torch.Tensor) -> torch.Tensor:
        """`[n, all their out_features]`"""
        if len(rows) > 1:
            return linear(rows, self.weight, self.bias)
        return one_row(rows, self.weight, self.bias, rows.new_empty(1, len(self.weight)))

    def added(self, rows: torch.Tensor, hidden: torch.Tensor) -> None:
        """To `hidden`, in place."""
        if len(rows) > 1:
            hidden.addmm_(rows, self.weight.T)
        else:
            one_row(rows, self.weight, None, hidden, add=True)

    def gated(self, rows: torch.Tensor) -> torch.Tensor:
        """silu of the first layer, times the second."""
        if len(rows) > 1:
            return gated(linear(rows, self.weight))
        return one_row(rows, self.weight, None, rows.new_empty(1, len(self.weight) // 2), gated=True)


def _together(parts: Several[torch.Tensor]) -> torch.Tensor:
    if len(parts) == 1:
        return parts[0].data
    whole = torch.cat([part.data for part in parts])
    for part, own in zip(parts, torch.split(whole, [len(part) for part in parts]), strict=True):
        part.data = own
    return whole
