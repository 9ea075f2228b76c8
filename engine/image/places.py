"""Who is drawn now, and whose next steps go together. Plain data, no torch: see tests/engine/image/test_places.py.

Of those that wait, the one whose user has used least of the device begins next. Of those that run, the ones that can
share a batch (the same `bucket`) and have waited longest for a step make it together.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, Protocol, TypeVar

from engine.fair_share import FairShare, Member

SECONDS_PER_SECOND_WAITED = 0.05
"""Of the device, what a second of waiting is worth."""


class Drawing(Member, Protocol):
    @property
    def bucket(self) -> Hashable:
        """Equal for those whose steps may go together."""
        ...

    @property
    def rows(self) -> int:
        """Of the network's batch that it takes."""
        ...

    turn: int
    """When it had its last step; 0 for none."""


D = TypeVar("D", bound=Drawing)


class Places(Generic[D]):
    """most: how many are drawn at once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.running: list[D] = []
        self.waiting: list[D] = []
        self._shares = FairShare(SECONDS_PER_SECOND_WAITED)
        self._turn = 0

    def __len__(self) -> int:
        return len(self.running) + len(self.waiting)

    def add(self, drawing: D) -> None:
        self._shares.arrive(drawing)
        self.waiting.append(drawing)

    def remove(self, drawing: D) -> None:
        """Wherever it is. Raises ValueError where it isn't here."""
        (self.running if drawing in self.running else self.waiting).remove(drawing)
        self._shares.leave(drawing)

    def admit(self, now: float) -> list[D]:
        """As many as there are places for."""
        admitted: list[D] = []
        while self.waiting and len(self.running) < self.most:
            first = min(self.waiting, key=lambda one: self._shares.rank(one, now))
            self.waiting.remove(first)
            self.running.append(first)
            admitted.append(first)
        return admitted

    def batch(self, most_rows: Mapping[Hashable, int]) -> list[D]:
        """Those that make a step now; at least one, where any runs. most_rows: by bucket, where that is limited."""
        if not self.running:
            return []
        line = sorted(self.running, key=lambda one: one.turn)
        bucket, rows = line[0].bucket, 0
        chosen: list[D] = []
        most = most_rows.get(bucket, 2 * self.most)
        for one in line:
            if one.bucket == bucket and (not chosen or rows + one.rows <= most):
                chosen.append(one)
                rows += one.rows
        self._turn += 1
        for one in chosen:
            one.turn = self._turn
        return chosen

    def charge(self, drawing: D, seconds: float) -> None:
        """So long the device worked for it."""
        self._shares.charge(drawing, seconds)
