"""The one table of the console: it searches, filters, sorts, pages and exports any QuerySet, by what an address asks.

    PEOPLE = Table(name="people", row="console/people/_row.html", order="name", search=("email",), columns=(…))
    PEOPLE.shown(User.objects.all(), request.GET)

Whatever the address asks that the table doesn't know (a column, a choice, a page) is as if it had not been asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import or_
from typing import Any, Generic, TypeAlias, TypeVar

from django.core.paginator import Page, Paginator
from django.db.models import F, Model, Q, QuerySet
from django.http import QueryDict

from apps.lib.http import search_text

M = TypeVar("M", bound=Model)
Value: TypeAlias = object
Options: TypeAlias = Sequence[tuple[str, str]]
CHUNK = 500


@dataclass(frozen=True)
class Column(Generic[M]):
    """`value` is what an export holds; `order` names what to sort by, nothing where it can't be sorted."""

    key: str
    title: str
    value: Callable[[M], Value]
    order: tuple[str, ...] = ()
    numeric: bool = False
    hidden_title: bool = False


@dataclass(frozen=True)
class Filter(Generic[M]):
    """A choice beside the search field: `narrow` keeps the rows of the chosen option."""

    key: str
    title: str
    options: Options
    narrow: Callable[[QuerySet[M], str], QuerySet[M]]


@dataclass(frozen=True)
class Header:
    """`href` sorts by this column, the other way round where it is sorted by already; "" where it can't."""

    title: str
    href: str
    direction: str
    numeric: bool
    hidden: bool

    @property
    def aria_sort(self) -> str:
        return self.direction or "none"


@dataclass(frozen=True)
class Picker:
    key: str
    title: str
    options: Options
    chosen: str


@dataclass(frozen=True)
class Shown(Generic[M]):
    """One page of a table as the template draws it."""

    table: Table[M]
    page: Page[M]
    headers: list[Header]
    pickers: list[Picker]
    query: str
    sort: str
    narrowed: bool
    export: str
    previous: str
    next: str


@dataclass(frozen=True)
class Table(Generic[M]):
    """`row` is the template of one row's cells. `prepare` adds to the rows of a page what needs a query of its own,
    one for all of them. `order` is the key of a column, with "-" for descending."""

    name: str
    title: str
    row: str
    columns: tuple[Column[M], ...]
    order: str
    search: tuple[str, ...] = ()
    filters: tuple[Filter[M], ...] = ()
    search_title: str = "Search"
    empty_icon: str = "search"
    empty_title: str = "Nothing here yet"
    empty_text: str = ""
    prepare: Callable[[list[M]], list[M]] | None = None
    per_page: int = 50

    def shown(self, rows: QuerySet[M], asked: QueryDict) -> Shown[M]:
        found = self.found(rows, asked)
        page = Paginator(found, self.per_page).get_page(asked.get("page"))
        page.object_list = self._prepared(list(page.object_list))
        query, sort = search_text(asked), self._sort(asked)
        pickers = [Picker(each.key, each.title, each.options, _chosen(each, asked)) for each in self.filters]
        return Shown(
            table=self,
            page=page,
            headers=[self._header(column, sort, asked) for column in self.columns],
            pickers=pickers,
            query=query,
            sort=asked.get("sort", "") if sort != self.order else "",
            narrowed=bool(query or any(picker.chosen for picker in pickers)),
            export=_address(asked, page=None, export="csv"),
            previous=_address(asked, page=page.number - 1) if page.has_previous() else "",
            next=_address(asked, page=page.number + 1) if page.has_next() else "",
        )

    def found(self, rows: QuerySet[M], asked: QueryDict) -> QuerySet[M]:
        """Those that match the search and every filter, in the order asked for."""
        if (query := search_text(asked)) and self.search:
            rows = rows.filter(reduce(or_, (Q(**{f"{name}__icontains": query}) for name in self.search)))
        for each in self.filters:
            if chosen := _chosen(each, asked):
                rows = each.narrow(rows, chosen)
        sort = self._sort(asked)
        down = sort.startswith("-")
        column = next(each for each in self.columns if each.key == sort.removeprefix("-"))
        orders = [F(name).desc(nulls_last=True) if down else F(name).asc(nulls_first=True) for name in column.order]
        return rows.order_by(*orders, "pk")

    def lines(self, rows: QuerySet[M]) -> Iterator[list[Value]]:
        """Every row as an export has it, the titles first; reads in chunks, so that memory stays the same."""
        exported = [column for column in self.columns if not column.hidden_title]
        yield [column.title for column in exported]
        for chunk in _chunks(rows.iterator(chunk_size=CHUNK)):
            for row in self._prepared(chunk):
                yield [column.value(row) for column in exported]

    def _prepared(self, rows: list[M]) -> list[M]:
        return self.prepare(rows) if self.prepare and rows else rows

    def _sort(self, asked: QueryDict) -> str:
        sort = asked.get("sort", "")
        known = {column.key for column in self.columns if column.order}
        return sort if sort.removeprefix("-") in known else self.order

    def _header(self, column: Column[M], sort: str, asked: QueryDict) -> Header:
        down, by = sort.startswith("-"), sort.removeprefix("-") == column.key
        direction = ("descending" if down else "ascending") if by else ""
        turned = column.key if by and down else f"-{column.key}" if by or column.numeric else column.key
        href = _address(asked, page=None, sort=turned) if column.order else ""
        return Header(column.title, href, direction, column.numeric, column.hidden_title)


def _chosen(each: Filter[Any], asked: QueryDict) -> str:
    chosen = asked.get(each.key, "")
    return chosen if chosen in {value for value, _ in each.options} else ""


def _address(asked: QueryDict, **changes: object) -> str:
    """The same address with some of its parameters changed; None takes one away."""
    fields = asked.copy()
    fields.pop("export", None)
    for key, value in changes.items():
        fields.pop(key, None)
        if value is not None:
            fields[key] = str(value)
    return f"?{fields.urlencode()}"


def _chunks(rows: Iterable[M]) -> Iterator[list[M]]:
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk
