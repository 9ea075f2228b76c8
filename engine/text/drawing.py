"""Tokens that the device draws pass by pass, while nobody looks."""

from __future__ import annotations

from collections.abc import Callable
from collections.abc import Sequence as Several
from dataclasses import replace

import torch

from engine.text.draw import Draw, tried
from engine.text.exchange import fetched, sent
from engine.text.sampler import Chooser


class Drawing:
    """For some rows of a step, whose choosers look at nothing but logits and the position."""

    def __init__(
        self, rows: Several[int], choosers: Several[Chooser], positions: Several[int], passes: int, device: torch.device
    ) -> None:
        """positions: how many completion tokens come before the first of each."""
        self._numbers = list(rows)
        self._rows = sent(self._numbers, device)
        numbers = [
            [chooser.uniform(position + ahead) for chooser, position in zip(choosers, positions, strict=True)]
            for ahead in range(passes)
        ]
        self._uniform = sent(numbers, device, torch.float32)[:, :, None]
        self._draw = Draw.of([chooser.params for chooser in choosers], numbers[0], device)
        self._drawn: list[torch.Tensor] = []

    def __call__(self, logits: torch.Tensor, tokens: torch.Tensor) -> None:
        """After each pass. logits `[n, vocabulary]` of all rows. tokens `[≥ n]`: the next ones, where those that are
        drawn take the place of the most probable ones."""
        draw = replace(self._draw, uniform=self._uniform[len(self._drawn)])
        drawn = tried(logits[self._rows].to(torch.float32), draw)
        self._drawn.append(drawn)
        tokens[self._rows] = drawn.clamp(min=0).to(tokens.dtype)

    def told(self) -> Callable[[], dict[int, list[int]]]:
        """Of each of its rows a token for each pass that was made. The function waits for them."""
        tokens = fetched(torch.stack(self._drawn, 1))
        return lambda: dict(zip(self._numbers, tokens(), strict=True))
