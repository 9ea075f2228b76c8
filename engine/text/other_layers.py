"""Layers of another make that take the place of a model's own, as they are or compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from collections.abc import Sequence as Several
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

import torch
from torch import nn


class OtherLayers(Protocol):
    """They may take the place of a model's own layers."""

    mode: str
    """What they are, for receipts."""
    only_if_faster: bool
    rough: bool
    """Whether they round on the way, so that the last digits may differ whatever the number format."""

    @property
    def tried(self) -> Several[int]:
        """Numbers of the layers to try: one of each kind."""
        ...

    def at_work(self) -> AbstractContextManager[object]:
        """For one pass of the model."""
        ...


@contextmanager
def in_place(pairs: Iterable[tuple[nn.Module, Callable[..., torch.Tensor]]]) -> Iterator[None]:
    """Each second one does the work of the first, the model's own. Past `nn.Module`'s own way of setting attributes,
    which would take as long as some layers."""
    replaced = list(pairs)
    try:
        for layer, other in replaced:
            layer.__dict__["forward"] = other
        yield
    finally:
        for layer, _ in replaced:
            layer.__dict__.pop("forward", None)
