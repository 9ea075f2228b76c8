"""What a compiled layer calls from within: attention and packed linear layers, as operators of torch.

Their work is done by the same Python as without graphs. An operator takes tensors and numbers only, so a layer hands in
a handle, a tensor of one number, under which everything it needs is found. That way one graph serves all layers.
"""

from __future__ import annotations

from collections.abc import Sequence as Several
from itertools import count
from typing import NoReturn
from weakref import WeakValueDictionary

import torch
from torch import nn

from engine.text.attention.backend import AttentionPlan, Variant

LIBRARY = torch.library.Library("atrium", "DEF")  # type: ignore[no-untyped-call]
LIBRARY.define(  # type: ignore[no-untyped-call]
    "attend(Tensor query, Tensor key, Tensor value, Tensor handle, float scale, int window, float softcap, "
    "Tensor? sinks) -> Tensor"
)
LIBRARY.define(  # type: ignore[no-untyped-call]
    "linear(Tensor rows, Tensor handle, int which, int features) -> Tensor"
)


class Outside:
    """What is around the graph of one layer: the step's plan, its number in the cache, its packed linear layers."""

    def __init__(self, layer: int, linears: Several[nn.Module]) -> None:
        self.layer, self.linears = layer, linears
        self.plan: AttentionPlan | None = None
        self.error: Exception | None = None
        """What an operator raised: through the graph only its text would come out."""
        key = next(_KEYS)
        _OUTSIDES[key] = self
        self.handle = torch.tensor(key)

    def failed(self, error: Exception) -> NoReturn:
        self.error = error
        raise error


_KEYS = count()
_OUTSIDES: WeakValueDictionary[int, Outside] = WeakValueDictionary()


def _attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, handle: torch.Tensor, scale: float, window: int,
    softcap: float, sinks: torch.Tensor | None,
) -> torch.Tensor:  # fmt: skip
    outside = _OUTSIDES[int(handle)]
    plan = outside.plan
    assert plan is not None
    try:
        variant = Variant(scale, window, softcap, sinks)
        return plan.backend.attend(outside.layer, query, key, value, variant, plan).contiguous()
    except Exception as error:
        outside.failed(error)


def _linear(rows: torch.Tensor, handle: torch.Tensor, which: int, features: int) -> torch.Tensor:
    outside = _OUTSIDES[int(handle)]
    try:
        output: torch.Tensor = outside.linears[which].forward(rows)
        return output.contiguous()
    except Exception as error:
        outside.failed(error)


def _like_attend(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, handle: torch.Tensor, scale: float, window: int,
    softcap: float, sinks: torch.Tensor | None,
) -> torch.Tensor:  # fmt: skip
    return query.new_empty(query.shape[1], query.shape[0], value.shape[2])


def _like_linear(rows: torch.Tensor, handle: torch.Tensor, which: int, features: int) -> torch.Tensor:
    return rows.new_empty(*rows.shape[:-1], features)


LIBRARY.impl("attend", _attend, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]
LIBRARY.impl("linear", _linear, "CompositeExplicitAutograd")  # type: ignore[no-untyped-call]
torch.library.register_fake("atrium::attend", _like_attend, lib=LIBRARY)
torch.library.register_fake("atrium::linear", _like_linear, lib=LIBRARY)
