"""Whose turn it is: every user's use (tokens, or seconds of the device) is counted, and who has used least is served
first. No torch.

The virtual token counter of Sheng et al., “Fairness in Serving Large Language Models” (OSDI 2024): one that comes back
after a pause starts where the least used of the present ones stands, so nobody saves up turns. Waiting makes up for use
and for priority at a fixed rate, so that nobody starves behind a stream of newcomers.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

TOKENS_PER_SECOND_WAITED = 20.0
"""What a second of waiting is worth."""
SECONDS_PER_PRIORITY = 100.0
"""One step of priority is worth as much as so many seconds of waiting."""
REMEMBERED_USERS = 1000
"""Counters of absent users that are kept."""


class Member(Protocol):
    """Something that waits for its turn."""

    @property
    def user(self) -> str: ...
    @property
    def priority(self) -> int: ...
    @property
    def arrived(self) -> float: ...


class FairShare:
    def __init__(self, per_second_waited: float = TOKENS_PER_SECOND_WAITED) -> None:
        """per_second_waited: in the unit of use, what a second of waiting is worth."""
        self._per_second_waited = per_second_waited
        self._used: dict[str, float] = {}
        self._present: Counter[str] = Counter()

    def arrive(self, member: Member) -> None:
        user = member.user
        if not self._present[user]:
            present = [self._used[other] for other in self._present if self._present[other]]
            self._used[user] = max([self._used.pop(user, 0.0), *([min(present)] if present else [])])
        self._present[user] += 1

    def leave(self, member: Member) -> None:
        user = member.user
        self._present[user] -= 1
        if not self._present[user]:
            del self._present[user]
            self._forget_some()

    def charge(self, member: Member, use: float) -> None:
        """So much was computed for it. What is found in a cache costs nothing."""
        self._used[member.user] += use

    def rank(self, member: Member, now: float) -> float:
        """In the unit of use; the lowest goes first."""
        waited = max(0.0, now - member.arrived) + SECONDS_PER_PRIORITY * member.priority
        return self._used[member.user] - self._per_second_waited * waited

    def _forget_some(self) -> None:
        """The longest absent ones: a counter moves to the end of the dictionary when its user arrives."""
        surplus = len(self._used) - len(self._present) - REMEMBERED_USERS
        for user in [user for user in self._used if user not in self._present][: max(0, surplus)]:
            del self._used[user]
