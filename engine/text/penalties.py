"""Logit bias and penalties: changes to the logits of the few tokens that a request names or that occurred."""

from __future__ import annotations

import torch

from engine.types import SamplingParams


class Adjustments:
    """The tokens whose logits one sequence changes, each with its bias, whether it occurred, and how often it did in
    the completion. Only what the parameters ask for is kept."""

    def __init__(self, params: SamplingParams, prompt: list[int]) -> None:
        self.params = params
        self.counts_tokens = params.presence_penalty != 0 or params.frequency_penalty != 0
        self.marks_tokens = params.repetition_penalty != 1
        seen = set(prompt) if self.marks_tokens else set()
        names = list(params.logit_bias.keys() | seen)
        self._places = {token: place for place, token in enumerate(names)}
        self.size = len(names)
        self.tokens = torch.zeros(max(64, 2 * self.size), dtype=torch.int64)
        self.columns = torch.zeros(3, len(self.tokens))
        """Bias, 1 where it occurred in prompt or completion, count in the completion."""
        self.tokens[: self.size] = torch.tensor(names, dtype=torch.int64)
        self.columns[0, : self.size] = torch.tensor([params.logit_bias.get(token, 0.0) for token in names])
        self.columns[1, : self.size] = torch.tensor([float(token in seen) for token in names])

    def chosen(self, token: int) -> None:
        if self.counts_tokens or self.marks_tokens:
            place = self._place(token)
            self.columns[1, place] = 1
            self.columns[2, place] += 1

    def _place(self, token: int) -> int:
        """Where the token stands, at the end if it is new."""
        place = self._places.setdefault(token, self.size)
        if place == self.size:
            if place == len(self.tokens):
                self.tokens = torch.cat([self.tokens, torch.zeros_like(self.tokens)])
                self.columns = torch.cat([self.columns, torch.zeros_like(self.columns)], dim=1)
            self.tokens[place] = token
            self.size += 1
        return place


def adjust(logits: torch.Tensor, adjustments: list[Adjustments]) -> None:
    """Change `logits` `[n, vocabulary]` in place, row by row as `adjustments` say.

    Bias, repetition, then frequency and presence, the order of vLLM. Short lists of tokens are gathered, changed and
    put back: one pass over all rows, whose cost doesn't depend on the vocabulary.
    """
    rows = [row for row, each in enumerate(adjustments) if each.size]
    if not rows:
        return
    some = [adjustments[row] for row in rows]
    tokens, columns = _padded(some)
    numbers = torch.tensor(
        [[one.params.repetition_penalty, one.params.frequency_penalty, one.params.presence_penalty] for one in some]
    )
    tokens, columns, numbers = (part.to(logits.device) for part in (tokens, columns, numbers))
    repetition, frequency, presence = numbers[:, :, None].unbind(1)
    bias, occurred, count = columns
    index = torch.tensor(rows, device=logits.device)[:, None]
    values = logits[index, tokens] + bias
    penalised = torch.where(values < 0, values * repetition, values / repetition)
    values = torch.where(occurred > 0, penalised, values)
    logits[index, tokens] = values - frequency * count - presence * (count > 0)


def _padded(some: list[Adjustments]) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens `[n, longest]` and columns `[3, n, longest]`. Short rows repeat their first token, and so its result."""
    longest = max(one.size for one in some)
    tokens = torch.empty(len(some), longest, dtype=torch.int64)
    columns = torch.empty(3, len(some), longest)
    for row, one in enumerate(some):
        tokens[row, : one.size], tokens[row, one.size :] = one.tokens[: one.size], one.tokens[0]
        columns[:, row, : one.size], columns[:, row, one.size :] = one.columns[:, : one.size], one.columns[:, :1]
    return tokens, columns
