"""The kinds of things that can be shared by a link. A room registers its own when it is ready, as

register("prompt", Kind(noun="prompt", home=lambda prompt_id: reverse("prompt", args=[prompt_id])))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


def nowhere(target_id: str) -> str:
    return ""


@dataclass(frozen=True)
class Kind:
    """`home` makes the address where whoever shared the thing finds it, from its id; "" where there is none."""

    noun: str
    home: Callable[[str], str] = nowhere


_kinds: dict[str, Kind] = {}


def register(name: str, kind: Kind) -> None:
    """Two different meanings for one name raise ValueError."""
    if _kinds.setdefault(name, kind) != kind:
        raise ValueError(f"There already is a kind of shared thing called {name!r}.")


def kind_called(name: str) -> Kind:
    """One that no room registered (any more) is called by its name."""
    return _kinds.get(name) or Kind(name.replace("_", " "))
