"""Guesses what comes next from what the text itself said before. Plain data, no torch.

Prompt lookup (Saxena, 2023): where the last few tokens occurred earlier, what followed them there is proposed. The
model then computes several tokens in one pass, which for a few rows costs about as much as one, since all the weights
must be read either way. A guess is never more than that: the tokens that the sampler chooses from the model's own
logits are the ones that count, and those of a guess that they confirm are saved passes.

A text that doesn't repeat itself costs little: a sequence whose guesses fail guesses less, then rests for a while.
"""

from __future__ import annotations

from collections.abc import Sequence as Several

SHORTEST = 2
"""Tokens that must have occurred before."""
LONGEST = 8
"""More equal tokens than this don't make a place more likely."""
PLACES = 8
"""How many of the latest places are compared."""
FIRST, MOST = 4, 7
"""Tokens to guess at once: at first, and at most."""
MISSES = 2
"""Guesses that failed from their first token on, one after the other, before it rests."""
AWAKE = 1
"""Tokens that may come by while it looks for a place."""
SHORT_REST, LONG_REST = 8, 128
"""In tokens: after the first misses, doubled up to the longest."""


class Drafter:
    """For one sequence, whose `tokens` grow by themselves and end with `last_token` of them, the prompt's included."""

    def __init__(self, tokens: list[int], last_token: int) -> None:
        self._tokens = tokens
        self._last_token = last_token
        self._followed: dict[tuple[int, ...], list[int]] = {}
        """By the tokens before: where they were followed by another one, the latest place last."""
        self._indexed = SHORTEST
        self._length = FIRST
        self._misses = 0
        self._rest, self._next_rest = 0, SHORT_REST

    @property
    def patience(self) -> int:
        """So many tokens may come by before it is asked again: while it rests, or few, or it would miss a place."""
        return max(AWAKE, self._rest)

    def draft(self, most: int) -> tuple[int, ...]:
        """At most so many tokens that may come next; none where nothing alike is known, or while it rests."""
        if self._rest:
            self._rest -= 1
            return ()
        most = min(most, self._length, self._last_token - len(self._tokens) - 1)
        place = self._place() if most > 0 else None
        return () if place is None else self._following(place, most)

    def verified(self, drafted: int, accepted: int) -> None:
        """So many of its tokens were the ones that the model chose; or where it wasn't asked, so many went by."""
        if not drafted:
            self._rest = max(0, self._rest - accepted)
            return
        self._misses = 0 if accepted else self._misses + 1
        if accepted == drafted:
            self._length, self._next_rest = min(MOST, 2 * self._length), SHORT_REST
        else:
            self._length = accepted + 1
        if self._misses == MISSES:
            self._misses, self._length = 0, FIRST
            self._rest, self._next_rest = self._next_rest, min(LONG_REST, 2 * self._next_rest)

    def _place(self) -> int | None:
        """Behind the longest earlier occurrence of the last tokens, the latest of those."""
        tokens = self._tokens
        for place in range(self._indexed, len(tokens)):
            self._followed.setdefault(tuple(tokens[place - SHORTEST : place]), []).append(place)
        self._indexed = max(self._indexed, len(tokens))
        places = self._followed.get(tuple(tokens[-SHORTEST:]), [])[: -PLACES - 1 : -1]
        return max(places, key=self._alike, default=None)

    def _alike(self, place: int) -> int:
        """How many tokens before `place` equal the last ones."""
        tokens, count = self._tokens, SHORTEST
        while count < min(LONGEST, place) and tokens[place - count - 1] == tokens[-count - 1]:
            count += 1
        return count

    def _following(self, place: int, count: int) -> tuple[int, ...]:
        """What stands there, and over the end of the text: it repeats itself from there on."""
        period = len(self._tokens) - place
        return tuple(self._tokens[place + ahead % period] for ahead in range(count))


def confirmed(draft: Several[int], chosen: Several[int | None]) -> list[int]:
    """The tokens that stand, of those `chosen` after the last known token and after each of `draft`: up to the first
    one that the draft didn't foresee. Empty where there is none (None) for the first."""
    tokens: list[int] = []
    for place, token in enumerate(chosen):
        if token is None:
            break
        tokens.append(token)
        if place == len(draft) or token != draft[place]:
            break
    return tokens
