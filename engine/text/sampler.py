"""Chooses the next token of every sequence from its logits.

The meaning of the parameters is that of transformers' logits processors, in the order of vLLM: logit bias, repetition
penalty, frequency and presence penalties, the output format, temperature, top-k, top-p, min-p (compared in
tests/engine/test_sampler.py). Log-probabilities are those of the model, before all of these.

The token is drawn by one uniform number from the request's own generator, at that number's place in the cumulated
probabilities. So a seed gives the same tokens whatever else is in the batch, as far as the logits are the same: matrix
multiplication rounds differently for different numbers of rows, which in bfloat16 can change a close draw.

Choosing changes nothing that would matter when the same step is run again; only `Chooser.chosen` does.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

from engine.grammar.process import Constraint, FormatRefused
from engine.text.draw import Draw, drawn, is_greedy
from engine.text.exchange import fetched, sent
from engine.text.logprobs import Chosen, looked_up
from engine.text.masks import rule_out
from engine.text.penalties import Adjustments, adjust
from engine.text.prescribed import Prescribed
from engine.types import SamplingParams

DRAWN_AT_ONCE = 32
LARGEST = 1 - 2**-24
"""Of the floats below one."""
NON_FINITE = "The model computed numbers that aren't finite, so it has no next word. Other requests are not affected."


class Chooser:
    """What sampling one sequence needs from step to step."""

    def __init__(
        self,
        params: SamplingParams,
        seed: int,
        tokens: list[int],
        constraint: Constraint | Prescribed | None = None,
    ) -> None:
        self.params = params
        self.adjustments = Adjustments(params, tokens)
        self.constraint = constraint
        self.failure = ("", "")
        """Error code and sentence, where the last step found no token for it."""
        self.found: Chosen | None = None
        """How probable the token of the last step was, where that was asked for."""
        counts = self.adjustments.counts_tokens or self.adjustments.marks_tokens
        self.looks_ahead = not counts and constraint is None and params.logprobs is None
        """Whether tokens may be chosen before it is known which of the ones before them stand: nothing but the logits
        and the position counts."""
        self.is_plain = self.looks_ahead and is_greedy(params) and not params.logit_bias
        """Whether it takes the most probable token, and nothing else."""
        self._generator = torch.Generator().manual_seed(seed)
        self._drawn: list[float] = []

    def uniform(self, position: int) -> float:
        """In [0, 1), also as a float: the number of this position, whenever it is asked for, as when a step is run
        again."""
        while len(self._drawn) <= position:  # many at once are the same numbers, and each alone takes as long
            self._drawn += torch.rand(DRAWN_AT_ONCE, dtype=torch.float64, generator=self._generator).tolist()
        return min(self._drawn[position], LARGEST)

    def chosen(self, token: int) -> None:
        """It is in the completion now. Called once for each."""
        self.adjustments.chosen(token)
        if self.constraint is not None:
            self.constraint.advance(token)

    def close(self) -> None:
        if self.constraint is not None:
            self.constraint.close()


def begin_choosing(
    logits: torch.Tensor, choosers: list[Chooser], positions: list[int]
) -> Callable[[], list[int | None]]:
    """As `choose`, whose result the returned function gives. Where nothing but the most probable tokens is wanted, an
    accelerator looks for them before that is called."""
    if not all(chooser.is_plain for chooser in choosers):
        return lambda: choose(logits, choosers, positions)
    highest, tokens = logits.amax(-1), most_probable(logits)
    marked = fetched(tokens.where(torch.isfinite(highest), -1))  # the largest of a row is NaN if any is
    return lambda: _told(marked(), choosers)


def choose(logits: torch.Tensor, choosers: list[Chooser], positions: list[int]) -> list[int | None]:
    """One token for each row of `logits` `[n, vocabulary]` (float32, changed in place); None where there is none, which
    the chooser's `failure` explains.

    positions: how many completion tokens come before it. A chooser that looks ahead may have several rows.
    """
    telling = [row for row, chooser in enumerate(choosers) if chooser.params.logprobs is not None]
    untouched = logits[torch.tensor(telling, device=logits.device)] if telling else None
    adjust(logits, [chooser.adjustments for chooser in choosers])
    finite = torch.isfinite(logits.amax(-1)).tolist()  # the largest of a row is NaN if any is
    failures = {row: ("non_finite", NON_FINITE) for row, good in enumerate(finite) if not good}
    failures |= _confine(logits, choosers, [row for row, good in enumerate(finite) if good])
    for row, failure in failures.items():
        choosers[row].failure = failure
    tokens = _tokens(logits, choosers, positions, [row for row in range(len(choosers)) if row not in failures])
    if untouched is not None:
        _tell(untouched, choosers, tokens, telling)
    return tokens


def most_probable(logits: torch.Tensor) -> torch.Tensor:
    """The token of each row, the first of equal ones; of rows that aren't finite any. On the CPU NumPy looks for it in
    a seventh of the time that torch takes (95 and 646 µs for 32 rows of 49,152)."""
    if logits.device.type != "cpu":
        return logits.argmax(-1)
    return torch.from_numpy(logits.numpy().argmax(-1))


def _told(marked: list[int], choosers: list[Chooser]) -> list[int | None]:
    tokens: list[int | None] = [None if token < 0 else token for token in marked]
    for chooser, token in zip(choosers, tokens, strict=True):
        if token is None:
            chooser.failure = ("non_finite", NON_FINITE)
    return tokens


def _confine(logits: torch.Tensor, choosers: list[Chooser], rows: list[int]) -> dict[int, tuple[str, str]]:
    """Apply the output formats. Returns the failures: a format that can't be followed further, or a model that rules
    out all that the format allows."""
    masks: dict[int, bytes] = {}
    failures: dict[int, tuple[str, str]] = {}
    for row in rows:
        constraint = choosers[row].constraint
        if constraint is not None:
            try:
                if (mask := constraint.mask()) is not None:
                    masks[row] = mask
            except FormatRefused as error:
                failures[row] = ("bad_request", str(error))
    if masks:
        failures |= dict.fromkeys(rule_out(logits, list(masks), list(masks.values())), ("non_finite", NON_FINITE))
    return failures


def _tokens(logits: torch.Tensor, choosers: list[Chooser], positions: list[int], rows: list[int]) -> list[int | None]:
    tokens: list[int | None] = [None] * len(choosers)
    greedy = [row for row in rows if is_greedy(choosers[row].params)]
    drawing = [row for row in rows if not is_greedy(choosers[row].params)]
    if greedy:
        for row, token in zip(greedy, most_probable(_rows(logits, greedy)).tolist(), strict=True):
            tokens[row] = token
    if drawing:
        numbers = [choosers[row].uniform(positions[row]) for row in drawing]
        draw = Draw.of([choosers[row].params for row in drawing], numbers, logits.device)
        for row, token in zip(drawing, drawn(_rows(logits, drawing), draw), strict=True):
            tokens[row] = token
    return tokens


def _tell(untouched: torch.Tensor, choosers: list[Chooser], tokens: list[int | None], rows: list[int]) -> None:
    """Look up the probabilities in the model's own logits, `[len(rows), vocabulary]`. Broken rows are looked up too,
    and not used."""
    wanted = [choosers[row].params.logprobs or 0 for row in rows]
    for row, found in zip(rows, looked_up(untouched, [tokens[row] or 0 for row in rows], wanted), strict=True):
        choosers[row].found = None if tokens[row] is None else found


def _rows(logits: torch.Tensor, rows: list[int]) -> torch.Tensor:
    return logits if len(rows) == len(logits) else logits[sent(rows, logits.device)]
