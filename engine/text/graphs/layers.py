"""Compiled layers at work: for the duration of a pass they take the place of the modelling code's own."""

from __future__ import annotations

from collections.abc import Generator
from collections.abc import Sequence as Several
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.text.attention.backend import AttentionPlan
from engine.text.graphs.kinds import Kind, tensors_of
from engine.text.graphs.operators import Outside
from engine.text.other_layers import in_place

Compiling = Generator[bool, None, "Graphs | None"]
"""Yields False while the compiler is at work."""


class CompiledLayer:
    """One layer's numbers behind the graph of its kind."""

    def __init__(self, layer: nn.Module, number: int, own: Several[str], graph: Any) -> None:
        self._run = graph.loader.run
        self._outside = Outside(number, [layer.get_submodule(name) for name in own])
        self._kept = [self._outside.handle, *tensors_of(layer, own).values()]

    def __call__(
        self,
        hidden_states: torch.Tensor,
        *,
        position_embeddings: tuple[torch.Tensor, torch.Tensor],
        position_ids: torch.Tensor,
        plan: AttentionPlan,
        **rest: object,
    ) -> torch.Tensor:
        """As the layer's `forward`; the rest says what no layer with a plan looks at (masks, caches)."""
        outside, (cos, sin) = self._outside, position_embeddings
        outside.plan = plan
        given = (hidden_states, cos, sin, position_ids)
        try:
            output: torch.Tensor = self._run([*(one.contiguous() for one in given), *self._kept])[0]
            return output
        except RuntimeError:
            if outside.error is not None:
                raise outside.error from None
            raise
        finally:
            outside.plan = outside.error = None


class Graphs:
    """Of one model in memory. Raises RuntimeError where a file isn't what it should be."""

    mode = "layers"
    """For receipts."""
    rough = False

    def __init__(
        self, layers: Several[nn.Module], kinds: Several[Kind], files: Several[Path], *, only_if_faster: bool
    ) -> None:
        """files: the graph of each kind. only_if_faster: they are used only where they win."""
        self.kinds, self.only_if_faster = kinds, only_if_faster
        self.layers = layers
        self._compiled: dict[int, CompiledLayer] = {}
        for kind, file in zip(kinds, files, strict=True):
            graph = torch._inductor.aoti_load_package(str(file), run_single_threaded=True)
            for number in kind.members:
                self._compiled[number] = CompiledLayer(layers[number], number, kind.own, graph)

    @property
    def tried(self) -> list[int]:
        """One of each kind."""
        return [kind.members[-1] for kind in self.kinds]

    def at_work(self) -> AbstractContextManager[None]:
        return in_place((self.layers[number], compiled) for number, compiled in self._compiled.items())
