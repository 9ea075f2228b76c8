"""What narrows a table beside its search field: a choice, some words, or a day. Each stands in the address."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import Any, Generic, Literal, TypeAlias, TypeVar

from django.db.models import Model, QuerySet
from django.http import QueryDict

from apps.lib.http import search_text

M = TypeVar("M", bound=Model)
Options: TypeAlias = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Filter(Generic[M]):
    """`narrow` keeps the rows of what was chosen, typed, or written as a day (2026-01-31).

    `default` is chosen where nothing is: then there is no choice of all but one of the options. `heading` says under
    which heading an option stands. A day does not lie before that of the filter called `after`.
    """

    key: str
    title: str
    options: Options
    narrow: Callable[[QuerySet[M], str], QuerySet[M]]
    default: str = ""
    heading: Callable[[str], str] | None = None
    kind: Literal["choice", "words", "day"] = "choice"
    after: str = ""

    def chosen(self, asked: QueryDict) -> str:
        """An option that there isn't is as if not asked; "" where nothing is chosen."""
        if self.kind != "choice":
            return search_text(asked, self.key)
        chosen = asked.get(self.key, "")
        return chosen if chosen in {value for value, _ in self.options} else self.default

    def problem(self, asked: QueryDict) -> str:
        """A sentence where what was typed can't be understood."""
        text = self.chosen(asked)
        if self.kind != "day" or not text:
            return ""
        if (day := day_of(text)) is None:
            return f"“{text[:40]}” is not a day. Write it as 2026-01-31."
        other = day_of(search_text(asked, self.after)) if self.after else None
        return "The last day is before the first. Swap the two." if other and day < other else ""

    def picker(self, asked: QueryDict) -> Picker:
        heading = self.heading or (lambda _: "")
        groups = [(name, list(found)) for name, found in groupby(self.options, lambda option: heading(option[0]))]
        chosen = self.chosen(asked)
        return Picker(self, groups, chosen, self.problem(asked), bool(chosen) and chosen != self.default)


@dataclass(frozen=True)
class Picker:
    """A filter as a page draws it; `groups` are options by their headings."""

    filter: Filter[Any]
    groups: list[tuple[str, list[tuple[str, str]]]]
    chosen: str
    problem: str
    used: bool


def day_of(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
