"""What has to be done again and again, whoever is at the site: `manage.py housekeeping` does it.

An app registers its chores when it is ready, as a decorator or plainly:

    chore("audit.seal", every=1.0)(seal_new_events)

A chore takes no arguments and may be run twice, by two processes, or not for a while: it looks at the database for
what is due, and finds nothing to do where another was faster. Its name begins with that of its app.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

Work = TypeVar("Work", bound=Callable[[], object])


@dataclass(frozen=True)
class Chore:
    """`every` is how many seconds lie between two of its starts, at least."""

    name: str
    every: float
    work: Callable[[], object]


_chores: dict[str, Chore] = {}


def chore(name: str, *, every: float) -> Callable[[Work], Work]:
    """Register a function of no arguments. A name that another function has, or no pause, raises ValueError."""
    if every <= 0:
        raise ValueError(f"The chore {name!r} would run without a pause.")

    def register(work: Work) -> Work:
        if name in _chores and _chores[name].work is not work:
            raise ValueError(f"There are two chores called {name!r}.")
        _chores[name] = Chore(name, every, work)
        return work

    return register


def chores() -> Mapping[str, Chore]:
    """All of them by name, read-only."""
    return MappingProxyType(_chores)
