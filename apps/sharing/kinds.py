"""The kinds of things that can be shared by a link. Each room registers its own when it is ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """`path` makes the address of the shared page from a token; `home` where the author finds the thing, from its id."""

    noun: str
    path: Callable[[str], str]
    home: Callable[[str], str]


_kinds: dict[str, Kind] = {}


def register(name: str, kind: Kind) -> None:
    """Two different meanings for one name raise ValueError."""
    if _kinds.setdefault(name, kind) != kind:
        raise ValueError(f"There already is a kind of shared thing called {name!r}.")


def kind_called(name: str) -> Kind:
    """Raises LookupError for a kind that no room registered."""
    return _kinds[name]
