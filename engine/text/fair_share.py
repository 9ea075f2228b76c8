"""Whose turn it is: every user's computed tokens are counted, and who has used least is served first. No torch.

The virtual token counter of Sheng et al., “Fairness in Serving Large Language Models” (OSDI 2024): one that comes back
after a pause starts where the least used of the present ones stands, so nobody saves up turns. Waiting makes up for use
and for priority at a fixed rate, so that nobody starves behind a stream of newcomers.
"""

from __future__ import annotations

from collections import Counter

from engine.text.sequence import Sequence

TOKENS_PER_SECOND_WAITED = 20.0
"""What a second of waiting is worth."""
TOKENS_PER_PRIORITY = 2000.0
"""What one step of priority is worth: as much as 100 seconds of waiting."""
REMEMBERED_USERS = 1000
"""Counters of absent users that are kept."""


class FairShare:
    def __init__(self) -> None:
        self._used: dict[str, float] = {}
        self._present: Counter[str] = Counter()

    def arrive(self, sequence: Sequence) -> None:
        user = sequence.user
        if not self._present[user]:
            present = [self._used[other] for other in self._present if self._present[other]]
            self._used[user] = max([self._used.pop(user, 0.0), *([min(present)] if present else [])])
        self._present[user] += 1

    def leave(self, sequence: Sequence) -> None:
        user = sequence.user
        self._present[user] -= 1
        if not self._present[user]:
            del self._present[user]
            self._forget_some()

    def charge(self, sequence: Sequence, tokens: int) -> None:
        """So many of its tokens were computed. Those found in the cache cost nothing."""
        self._used[sequence.user] += tokens

    def rank(self, sequence: Sequence, now: float) -> float:
        """In tokens; the lowest goes first."""
        waited = max(0.0, now - sequence.arrived)
        bonus = TOKENS_PER_PRIORITY * sequence.priority + TOKENS_PER_SECOND_WAITED * waited
        return self._used[sequence.user] - bonus

    def _forget_some(self) -> None:
        """The longest absent ones: a counter moves to the end of the dictionary when its user arrives."""
        surplus = len(self._used) - len(self._present) - REMEMBERED_USERS
        for user in [user for user in self._used if user not in self._present][: max(0, surplus)]:
            del self._used[user]
