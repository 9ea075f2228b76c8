"""Completions of transformers to compare with, where a GPU rounds differently for other numbers of rows."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, Self, overload

import torch

CLOSE = 1e-4
"""Of two logits, in float32: what other shapes of the same multiplication may turn round."""


class Written(list[int]):
    """Equal to the same tokens, and to those that part from it where the two best were closer than CLOSE, by taking the
    second. What follows such a token is another completion, and isn't compared."""

    def __init__(self, tokens: Sequence[int], seconds: Sequence[int], margins: Sequence[float]) -> None:
        """seconds: the second best in each place. margins: how much less its logit was than the best one's."""
        super().__init__(tokens)
        self.seconds, self.margins = seconds, margins

    @classmethod
    def of(cls, tokens: list[int], logits: Sequence[torch.Tensor]) -> Self:
        """logits: of each token, `[1, vocabulary]`."""
        best = torch.cat(list(logits)).float().topk(2)
        margins = (best.values[:, 0] - best.values[:, 1]).tolist()
        return cls(tokens, best.indices[:, 1].tolist(), margins)

    @overload
    def __getitem__(self, place: Any) -> Any: ...
    @overload
    def __getitem__(self, place: slice) -> Written: ...
    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return Written(super().__getitem__(place), self.seconds[place], self.margins[place])
        return super().__getitem__(place)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, list) or len(other) != len(self):
            return False
        place = next((place for place, token in enumerate(self) if token != other[place]), None)
        if place is None:
            return True
        close = self.margins[place] < CLOSE and other[place] == self.seconds[place]
        if close:
            warnings.warn(f"token {place} is the second best, by {self.margins[place]:.1e}", stacklevel=2)
        return close

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]
