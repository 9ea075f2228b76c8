"""Draws tokens by temperature, top-k, top-p and min-p, many rows at once.

All filters keep the most probable tokens only, so it looks at the 256 most probable first and at more only where the
choice isn't decided by them. A full sort of 49,152 logits takes 4 ms here, the 256 largest 0.1 ms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from engine.text.exchange import sent
from engine.types import SamplingParams

WIDTHS = (256, 4096)
"""How many of the most probable tokens to look at, before all of them."""
COLDEST = 1e-5
"""A lower temperature is greedy."""
NOT_FINITE, UNDECIDED = -1, -2
"""In place of a token: a logit isn't a number or infinite; more tokens must be looked at."""


def is_greedy(params: SamplingParams) -> bool:
    """Logits divided by much less than this are infinite."""
    return params.temperature < COLDEST


def is_narrow(params: SamplingParams) -> bool:
    """Whether the first few tokens that are looked at nearly always decide."""
    return is_greedy(params) or 0 < params.top_k <= WIDTHS[0] or params.top_p < 1 or params.min_p > 0


@dataclass(frozen=True, slots=True)
class Draw:
    """The parameters of several rows, each a column `[n, 1]`."""

    temperature: torch.Tensor
    top_k: torch.Tensor
    top_p: torch.Tensor
    log_min_p: torch.Tensor
    uniform: torch.Tensor

    @classmethod
    def of(cls, every: list[SamplingParams], uniform: list[float], device: torch.device) -> Draw:

        def column(values: list[float]) -> torch.Tensor:
            return sent(values, device, torch.float32)[:, None]

        return cls(
            column([params.temperature for params in every]),
            sent([params.top_k for params in every], device)[:, None],
            column([params.top_p if params.top_p < 1 else math.inf for params in every]),
            column([math.log(params.min_p) if params.min_p > 0 else -math.inf for params in every]),
            column(uniform),
        )

    def rows(self, which: torch.Tensor) -> Draw:
        return Draw(
            self.temperature[which], self.top_k[which], self.top_p[which], self.log_min_p[which], self.uniform[which]
        )


def drawn(logits: torch.Tensor, draw: Draw) -> list[int]:
    """One token for each row of `logits` `[n, vocabulary]`, where minus infinity rules a token out."""
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


def tried(logits: torch.Tensor, draw: Draw) -> torch.Tensor:
    """The same tokens `[n]` without ever waiting for the device; NOT_FINITE or UNDECIDED where there is none."""
    scores = logits / draw.temperature
    total = scores.logsumexp(-1, keepdim=True)
    found, decided = _pick(scores, total, draw, min(WIDTHS[0], scores.shape[-1]))
    return found.where(decided, UNDECIDED).where(torch.isfinite(logits.amax(-1)), NOT_FINITE)


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
    kept &= values > -math.inf  # ruled out by the format
    kept[:, 0] = True  # the most probable token always stays
    cumulated = mass.masked_fill(~kept, 0).cumsum(-1)
    ends_here = ~kept[:, -1:] | whole
    unfiltered = (draw.top_k == 0) & (draw.top_p == math.inf) & (draw.log_min_p == -math.inf)
    goal = draw.uniform * torch.where(ends_here | ~unfiltered, cumulated[:, -1:], 1.0)
    place = torch.searchsorted(cumulated, goal, right=True)
    last = kept.sum(-1, keepdim=True) - 1
    decided = (ends_here & (whole | (draw.top_k <= width))) | (unfiltered & (place < width))
    return tokens.gather(1, torch.minimum(place, last))[:, 0], decided[:, 0]
