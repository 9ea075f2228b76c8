"""Chooses the next token of every sequence from its logits.

The meaning of the parameters is that of transformers' logits processors, in their order: repetition penalty,
temperature, top-k, top-p, min-p (tests/engine/test_sampler.py compares them). The way is another: all filters keep the
most probable tokens only, so it looks at the 256 most probable first and at more only where the choice isn't decided by
them. A full sort of 49,152 logits takes 4 ms here, the 256 largest 0.1 ms.

The token is drawn by one uniform number from the request's own generator, at that number's place in the cumulated
probabilities. So a seed gives the same tokens whatever else is in the batch, as far as the logits are the same: matrix
multiplication rounds differently for different numbers of rows, which in bfloat16 can change a close draw.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from engine.types import SamplingParams

WIDTHS = (256, 4096)
"""How many of the most probable tokens to look at, before all of them."""


class Chooser:
    """What sampling one sequence needs from step to step."""

    def __init__(
        self, params: SamplingParams, seed: int, tokens: list[int], vocabulary: int, device: torch.device
    ) -> None:
        self.params = params
        self.seen: torch.Tensor | None = None
        """`[vocabulary]`, where a token occurred in prompt or completion; only with a repetition penalty."""
        if params.repetition_penalty != 1.0:
            self.seen = torch.zeros(vocabulary, dtype=torch.bool, device=device)
            self.seen[torch.tensor(tokens, device=device)] = True
        self._generator = torch.Generator().manual_seed(seed)
        self._drawn_for = -1
        self._drawn = 0.0

    @property
    def greedy(self) -> bool:
        return self.params.temperature == 0

    def uniform(self, position: int) -> float:
        """In [0, 1), the same when asked again for the same position, as when a step is run again."""
        if position != self._drawn_for:
            self._drawn_for = position
            self._drawn = float(torch.rand((), dtype=torch.float64, generator=self._generator))
        return self._drawn

    def chosen(self, token: int) -> None:
        if self.seen is not None:
            self.seen[token] = True


def choose(logits: torch.Tensor, choosers: list[Chooser], positions: list[int]) -> list[int | None]:
    """One token for each row of `logits` `[n, vocabulary]` (float32, changed in place); None where a row isn't finite.

    positions: how many completion tokens each sequence has.
    """
    for row, chooser in enumerate(choosers):
        if chooser.seen is not None:
            _penalise(logits[row], chooser.seen, chooser.params.repetition_penalty)
    finite = torch.isfinite(logits.amax(-1)).tolist()  # the largest of a row is NaN if any is
    tokens: list[int | None] = [None] * len(choosers)
    greedy = [row for row, chooser in enumerate(choosers) if finite[row] and chooser.greedy]
    drawn = [row for row, chooser in enumerate(choosers) if finite[row] and not chooser.greedy]
    if greedy:
        for row, token in zip(greedy, _rows(logits, greedy).argmax(-1).tolist(), strict=True):
            tokens[row] = token
    if drawn:
        draw = Draw.of([choosers[row] for row in drawn], [positions[row] for row in drawn], logits.device)
        for row, token in zip(drawn, _draw(_rows(logits, drawn), draw), strict=True):
            tokens[row] = token
    return tokens


@dataclass(frozen=True, slots=True)
class Draw:
    """The parameters of several rows, each a column `[n, 1]`."""

    temperature: torch.Tensor
    top_k: torch.Tensor
    top_p: torch.Tensor
    log_min_p: torch.Tensor
    uniform: torch.Tensor

    @classmethod
    def of(cls, choosers: list[Chooser], positions: list[int], device: torch.device) -> Draw:
        every = [chooser.params for chooser in choosers]
        uniform = [chooser.uniform(position) for chooser, position in zip(choosers, positions, strict=True)]

        def column(values: list[float]) -> torch.Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)[:, None]

        return cls(
            column([params.temperature for params in every]),
            torch.tensor([params.top_k for params in every], device=device)[:, None],
            column([params.top_p if params.top_p < 1 else math.inf for params in every]),
            column([math.log(params.min_p) if params.min_p > 0 else -math.inf for params in every]),
            column(uniform),
        )

    def rows(self, which: torch.Tensor) -> Draw:
        return Draw(
            self.temperature[which], self.top_k[which], self.top_p[which], self.log_min_p[which], self.uniform[which]
        )


def _penalise(row: torch.Tensor, seen: torch.Tensor, penalty: float) -> None:
    row.copy_(torch.where(seen, torch.where(row < 0, row * penalty, row / penalty), row))


def _rows(logits: torch.Tensor, rows: list[int]) -> torch.Tensor:
    return logits if len(rows) == len(logits) else logits[torch.tensor(rows, device=logits.device)]


def _draw(logits: torch.Tensor, draw: Draw) -> list[int]:
    """logits `[n, vocabulary]`"""
    scores = logits / draw.temperature
    total = scores.logsumexp(-1, keepdim=True)
    tokens = torch.full((len(scores),), -1, device=scores.device)
    open_rows = torch.arange(len(scores), device=scores.device)
    vocabulary = scores.shape[-1]
    for width in (*(width for width in WIDTHS if width < vocabulary), vocabulary):
        found, decided = _pick(scores[open_rows], total[open_rows], draw.rows(open_rows), width)
        tokens[open_rows[decided]] = found[decided]
        open_rows = open_rows[~decided]
        if not len(open_rows):
            break
    chosen: list[int] = tokens.tolist()
    return chosen


def _pick(scores: torch.Tensor, total: torch.Tensor, draw: Draw, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens `[n]`, and `[n]` whether the `width` most probable ones decide the choice.

    scores `[n, vocabulary]`, total `[n, 1]` the logarithm of the sum of their exponentials.
    """
    values, tokens = scores.topk(width, dim=-1)
    whole = width == scores.shape[-1]
    limited = (draw.top_k > 0) & (draw.top_k <= width)
    least = values.gather(1, (draw.top_k.clamp(1, width) - 1))
    kept = ~limited | (values >= least)  # like transformers, ties with the k-th are kept
    # With top-k, top-p counts the probabilities among the kept only.
    mass_of = torch.where(limited, values.masked_fill(~kept, -math.inf).logsumexp(-1, keepdim=True), total)
    mass = (values - mass_of).exp()
    before = mass.cumsum(-1) - mass
    kept &= (before < draw.top_p) & (values >= values[:, :1] + draw.log_min_p)
    kept[:, 0] = True  # the most probable token always stays
    cumulated = mass.masked_fill(~kept, 0).cumsum(-1)
    ends_here = ~kept[:, -1:] | whole
    unfiltered = (draw.top_k == 0) & (draw.top_p == math.inf) & (draw.log_min_p == -math.inf)
    goal = draw.uniform * torch.where(ends_here | ~unfiltered, cumulated[:, -1:], 1.0)
    place = torch.searchsorted(cumulated, goal, right=True)
    last = kept.sum(-1, keepdim=True) - 1
    decided = (ends_here & (whole | (draw.top_k <= width))) | (unfiltered & (place < width))
    return tokens.gather(1, torch.minimum(place, last))[:, 0], decided[:, 0]
