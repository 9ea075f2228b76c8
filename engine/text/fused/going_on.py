"""From the logits of a pass to the tokens of the next one, without the host."""

from __future__ import annotations

from collections.abc import Callable

import torch

from engine.text.attention.gpu.step import Step
from engine.text.attention.gpu.tiles import gpu_of
from engine.text.attention.shape import BLOCK_SIZE
from engine.text.exchange import fetched
from engine.text.fused import kernels
from engine.text.fused.calls import power_of_two
from engine.text.pacing import MOST_PASSES

PART, TILE = 4096, 1024
"""Tokens that a program looks at, and at a time: one row alone of a large vocabulary is work for 32 programs."""


class GoingOn:
    """For passes of at most so many rows."""

    def __init__(self, rows: int, vocabulary: int, device: torch.device) -> None:
        self._parts = -(-vocabulary // PART)
        self._values = torch.empty(rows, self._parts, dtype=torch.float32, device=device)
        self._tokens = torch.empty(rows, self._parts, dtype=torch.int32, device=device)
        self._told = torch.zeros(rows, MOST_PASSES, dtype=torch.int32, device=device)

    @property
    def nbytes(self) -> int:
        return self._values.nbytes + self._tokens.nbytes + self._told.nbytes

    def __call__(
        self, logits: torch.Tensor, step: Step, tokens: torch.Tensor, places: torch.Tensor, lasts: torch.Tensor
    ) -> None:
        """logits `[rows, vocabulary]`, contiguous. All else `[rows]`: the numbers of this pass, which become those of
        the next one, but for `lasts`: where each row ends."""
        rows, vocabulary = logits.shape
        launching = gpu_of(logits.device).launching
        kernels.part_best[rows, self._parts](
            logits,
            self._values,
            self._tokens,
            VOCABULARY=vocabulary,
            PARTS=self._parts,
            PART=PART,
            TILE=TILE,
            **launching,
        )
        kernels.go_on[(rows,)](
            self._values, self._tokens, self._told, step.table_width, step.tables, step.slots, tokens, places,
            step.starts, lasts, PARTS=self._parts, WIDTH=power_of_two(self._parts), ROOM=MOST_PASSES,
            BLOCK_SIZE=BLOCK_SIZE, num_warps=1, **launching,
        )  # fmt: skip

    def told(self, rows: int) -> Callable[[], list[list[int]]]:
        """Of each row MOST_PASSES tokens, of which those of the last passes count; −1: there was none. The function
        waits for the passes that the device was given so far."""
        return fetched(self._told[:rows])
