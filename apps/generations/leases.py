"""What this worker holds, shared by its threads."""

from __future__ import annotations

import threading

from apps.generations.claims import Held


class Leases:
    """A slot is taken from the claim until the engine is done; a lease from the claim until its end is in the
    database, or until it is lost."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._lock = threading.Lock()
        self._held: set[Held] = set()
        self._in_engine: set[Held] = set()
        self._ending: set[Held] = set()

    def free(self) -> int:
        with self._lock:
            return self.slots - len(self._in_engine)

    def take(self, held: Held) -> None:
        with self._lock:
            self._held.add(held)
            self._in_engine.add(held)

    def left_engine(self, held: Held) -> None:
        with self._lock:
            self._in_engine.discard(held)

    def drop(self, held: Held) -> None:
        """The lease is over: finished, given back or lost."""
        with self._lock:
            self._held.discard(held)
            self._ending.discard(held)

    def ending(self, held: Held) -> None:
        """From here on the conditional write of the end finds out by itself whether the lease was lost."""
        with self._lock:
            self._ending.add(held)

    def missing(self, checked: frozenset[Held], found: frozenset[Held]) -> frozenset[Held]:
        """Those of `checked` that were lost: not among the `found`, and neither ended meanwhile nor just ending."""
        with self._lock:
            return (checked - found - self._ending) & self._held

    def holds(self, held: Held) -> bool:
        with self._lock:
            return held in self._held

    def has_job(self, job: str) -> bool:
        with self._lock:
            return any(held.job == job for held in self._held)

    def held(self) -> frozenset[Held]:
        with self._lock:
            return frozenset(self._held)

    def busy(self) -> bool:
        with self._lock:
            return bool(self._held or self._in_engine)
