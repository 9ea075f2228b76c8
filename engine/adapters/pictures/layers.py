"""The layers of a pipeline, and what a tensor of a file stands for."""

from __future__ import annotations

from dataclasses import dataclass

Layer = tuple[str, str]
"""The part of the pipeline, as model_index.json calls it, and the name of the layer in it."""
Shape = tuple[int, ...]
"""Of weights: (outputs, inputs), and of a convolution its height and width."""
Rows = tuple[tuple[int, int], ...]
"""From, and up to; in this order."""


@dataclass(frozen=True, slots=True)
class Share:
    """What a layer has of a matrix that a file has one name for: all of it, or some of its outputs."""

    layer: Layer
    rows: Rows = ()
    """Those that are its own, in the order of its outputs; none where it has all, as they are."""
