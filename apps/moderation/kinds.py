"""Every kind of thing that can be reported. Each room registers its own in its `moderated.py` when it is ready.

    register("prompt", KindOfThing(noun="prompt", find=…, describe=…, url=…, author=…))

What is hidden is written here, in the thing's Case. A room leaves it out where it lists and finds things: by
`rows.exclude(pk__in=hidden_ids("prompt"))`, or by a mark of its own that its `hide` sets and its `restore` takes away.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser

from apps.accounts.models import User


class Description(NamedTuple):
    """What moderators read: a title, and what it says as plain text."""

    title: str
    text: str


def nothing_besides(thing: Any, reason: str = "") -> None:
    """For a kind of which nothing but the mark in its Case is needed."""


@dataclass(frozen=True)
class KindOfThing:
    """`thing` is whatever `find` returns; the other functions are only ever called with one of those."""

    noun: str
    """As it stands in "Report this …"."""
    find: Callable[[User | AnonymousUser | None, str], Any]
    """The thing as that reader may see it; with None any, hidden ones too. Raises Http404 where there is none."""
    describe: Callable[[Any], Description]
    url: Callable[[Any], str]
    author: Callable[[Any], User | None]
    hide: Callable[[Any, str], object] = nothing_besides
    """Takes the thing and the reason that its author reads; runs in the decision's transaction, as `restore` does."""
    restore: Callable[[Any], object] = nothing_besides
    shown_to_reporter: bool = True
    """False where the id alone finds it, and `url` is for moderators: the report form then shows and links neither."""


_kinds: dict[str, KindOfThing] = {}


def register(kind: str, about: KindOfThing) -> None:
    """Two different meanings for one kind raise ValueError."""
    if _kinds.setdefault(kind, about) != about:
        raise ValueError(f"There already is a kind of thing called {kind!r}.")


def kind_called(kind: str) -> KindOfThing:
    """Raises LookupError for a kind that no room registered."""
    return _kinds[kind]


def choices() -> list[tuple[str, str]]:
    """All kinds with their nouns, for a filter."""
    return sorted((kind, about.noun.capitalize()) for kind, about in _kinds.items())
