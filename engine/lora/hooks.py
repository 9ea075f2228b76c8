"""Hooks for one pass. The layers stay as they are, whatever kind they are (plain, packed, quantised)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TypeVar

import torch
from torch import nn

T = TypeVar("T")
Add = Callable[[T, nn.Module, tuple[torch.Tensor, ...], torch.Tensor], None]
"""Adds to a layer's output, in place: what is to be added, the layer, its inputs, its output."""


@contextmanager
def hooked(parts: Mapping[nn.Module, T], add: Add[T]) -> Iterator[None]:
    """Until it ends, each layer's output grows by what `add` makes of its part. A pass of no parts is exactly what it
    would be if there were no adapters."""
    hooks = [layer.register_forward_hook(partial(add, own)) for layer, own in parts.items()]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
