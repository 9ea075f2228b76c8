"""Which form the linear layers of a loaded model get: the one that its device multiplies fastest."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from engine.text.onednn import OneDnnLinear, can_reorder, reorder_linears
from engine.text.packed.linear import PackedLinear, pack_linears, packs_in_full
from engine.weights import Weights

LAID_OUT = (OneDnnLinear, PackedLinear)
"""Their weights have a form of their own, and aren't parameters."""


def laid_out(module: nn.Module, weights: Weights, dtype: torch.dtype, device: torch.device) -> Iterator[None]:
    """Replaces layers one at a time, so that memory holds two copies of one weight only; yields in between."""
    if weights != "full" or packs_in_full(dtype, device):
        yield from pack_linears(module, weights)
    if can_reorder(dtype, device):  # what is left: all of them, or those that can't be rounded
        reorder_linears(module)


def are_laid_out(dtype: torch.dtype, device: torch.device) -> bool:
    """Whether full weights get a form of their own here, so that an output layer shares none with the embedding."""
    return packs_in_full(dtype, device) or can_reorder(dtype, device)
