"""Adapters in a network whose blocks are compiled.

A compiler doesn't notice hooks that come and go: it would leave an adapter out without a word. So every layer gets one
hook that stays, before anything is compiled. With the seams closed a block is compiled without them; open, with one
operator at each layer that the compiler doesn't look into. What that one adds is looked up when it runs, so that other
adapters, strengths and rows need no compiling. After a pass it is checked that no layer was left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import nn

from engine.image.adapters.adapter import AtStrength
from engine.image.adapters.applying import Part, add_parts, parts_of


class _Pass:
    """What one pass adds, and where it has been done."""

    def __init__(self, rows: Sequence[AtStrength | None]) -> None:
        self._rows = len(rows)
        self._parts: dict[int, tuple[nn.Module, list[Part]]] = {
            _place(layer): (layer, own) for layer, own in parts_of(rows).items()
        }
        self._left = set(self._parts)

    def added(self, output: torch.Tensor, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        found = self._parts.get(weight.data_ptr())
        made = output.clone()
        if found is not None:
            add_parts(found[1], found[0], inputs, made, self._rows)
            self._left.discard(weight.data_ptr())
        return made

    def check(self) -> None:
        if self._left:
            raise RuntimeError(f"{len(self._left)} of {len(self._parts)} layers ran without their adapter.")


_passing: ContextVar[_Pass] = ContextVar("passing")


@torch.library.custom_op("atrium::adapted", mutates_args=())
def _adapted(output: torch.Tensor, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return _passing.get().added(output, inputs, weight)


@_adapted.register_fake
def _(output: torch.Tensor, inputs: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return torch.empty_like(output)


class Seams:
    """One at every layer of the network that an adapter may change."""

    def __init__(self, network: nn.Module) -> None:
        self._open = False
        self._hooks = [
            layer.register_forward_hook(self._seam)
            for layer in network.modules()
            if isinstance(layer, nn.Linear | nn.Conv2d)
        ]

    @contextmanager
    def applied(self, rows: Sequence[AtStrength | None]) -> Iterator[None]:
        """As `engine.image.adapters.applying.applied`. Raises RuntimeError where a layer didn't get what it should."""
        if not any(rows):
            yield
            return
        passing = _Pass(rows)
        token, self._open = _passing.set(passing), True
        try:
            yield
        finally:
            self._open = False
            _passing.reset(token)
        passing.check()

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()

    def _seam(self, layer: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> torch.Tensor | None:
        return torch.ops.atrium.adapted(output, inputs[0], layer.weight) if self._open else None


def _place(layer: nn.Module) -> int:
    """Where its weights lie: what a compiled block can tell of a layer."""
    weight = layer.weight
    assert isinstance(weight, torch.Tensor)
    return weight.data_ptr()
