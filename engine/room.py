"""Which models have to go so that another one fits. Plain data, no torch: see tests/engine/test_room.py.

The budget is for weights and caches of all loaded models together. Idle models make room, the longest unused first;
busy ones stay. A model asks for half of the cache it would like at least, and takes more where that is left; where that
can't be had it makes do with a cache for one sequence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.memory import MIB, mib


class Spare(Protocol):
    """Asked before an adapter is read."""

    def __call__(self, nbytes: int, *, held: int, waited: float) -> bool | None:
        """Whether so many bytes more are within the budget, idle models having gone for them if need be.

        held: what the adapters of whoever asks take. waited: for so many seconds; in time a busy model is asked to
        finish. None: the budget is too small for that, or all others have waited as long.
        """
        ...


def unlimited(nbytes: int, *, held: int, waited: float) -> bool:
    """Where nobody counts."""
    return True


@dataclass(frozen=True, slots=True)
class Footprint:
    """What a model takes in memory, in bytes."""

    weights: int
    least_cache: int
    """For one sequence of full length."""
    full_cache: int
    purpose: str = "of cache for one conversation"
    """What the least is for."""
    remedy: str = "Raise ENGINE_MEMORY_MB, lower MAX_CONTEXT, or use a smaller model."

    @property
    def least(self) -> int:
        return self.weights + self.least_cache

    @property
    def comfortable(self) -> int:
        return self.weights + max(self.least_cache, self.full_cache // 2)


@dataclass(frozen=True, slots=True)
class Resident:
    """A loaded model."""

    name: str
    size: int
    """Bytes of weights and cache."""
    busy: bool


@dataclass(frozen=True, slots=True)
class Room:
    """`evict` these, and so many bytes of cache can be had beside the weights."""

    evict: tuple[str, ...]
    cache: int


class NeverFits(Exception):
    """The budget is too small even for this model alone; the message is a sentence a person can act on."""


def room_for(wanted: Footprint, budget: int, residents: Sequence[Resident], most: int | None = None) -> Room | None:
    """Where a model gets its place; None where busy models hold what it needs. Raises NeverFits.

    residents: the longest unused first. most: how many models may be loaded, whatever they take.
    """
    if wanted.least > budget:
        raise NeverFits(
            f"It needs {mib(wanted.least):,} MiB ({mib(wanted.weights):,} of weights and {mib(wanted.least_cache):,} "
            f"{wanted.purpose}), and {budget // MIB:,} MiB are allowed for all models. {wanted.remedy}"
        )
    for needed in (wanted.comfortable, wanted.least):
        evict = evictions(needed, budget, residents, most)
        if evict is not None:
            left = budget - sum(one.size for one in residents if one.name not in evict)
            return Room(evict, min(wanted.full_cache, left - wanted.weights))
    return None


def evictions(
    needed: int, budget: int, residents: Sequence[Resident], most: int | None = None
) -> tuple[str, ...] | None:
    """As few of the idle ones as must go, in their order; None where all of them are not enough."""
    used, count = sum(one.size for one in residents), len(residents)
    idle = [one for one in residents if not one.busy]
    evict: list[str] = []
    while used + needed > budget or (most is not None and count >= most):
        if not idle:
            return None
        gone = idle.pop(0)
        evict.append(gone.name)
        used, count = used - gone.size, count - 1
    return tuple(evict)
