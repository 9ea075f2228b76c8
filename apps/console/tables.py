"""The one table of the console: it searches, filters, sorts, pages and exports any QuerySet, by what an address asks.

    PEOPLE = Table(name="people", row="console/people/_row.html", order="name", search=("email",), columns=(…))
    PEOPLE.shown(User.objects.all(), request.GET)

Whatever the address asks that the table doesn't know (a column, a choice, a page) is as if it had not been asked; what
somebody typed and nobody can understand gets a sentence, and no rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import islice
from operator import or_
from typing import Generic, TypeAlias, TypeVar

from django.db.models import F, Model, Q, QuerySet
from django.http import QueryDict

from apps.console.filters import Filter, Picker
from apps.console.paging import Slice, by_key, by_number
from apps.lib.http import search_text

M = TypeVar("M", bound=Model)
Value: TypeAlias = object
CHUNK = 500
PLACES = ("page", "before", "after")


@dataclass(frozen=True)
class Column(Generic[M]):
    """`value` is what an export holds; `order` names what to sort by, nothing where it can't be sorted.

    With `only_exported` it is in no page, with `hidden_title` in no export.
    """

    key: str
    title: str
    value: Callable[[M], Value]
    order: tuple[str, ...] = ()
    numeric: bool = False
    hidden_title: bool = False
    only_exported: bool = False


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
class Shown(Generic[M]):
    """One page of a table as the template draws it. `problem` is why there is none."""

    table: Table[M]
    page: Slice[M]
    headers: list[Header]
    pickers: list[Picker]
    query: str
    sort: str
    export: str
    previous: str
    next: str

    @property
    def narrowed(self) -> bool:
        return bool(self.query or any(picker.used for picker in self.pickers))

    @property
    def typed(self) -> bool:
        """Whether more is typed than the search: that takes a button."""
        return any(picker.filter.kind != "choice" for picker in self.pickers)

    @property
    def problem(self) -> str:
        return next((picker.problem for picker in self.pickers if picker.problem), "")


@dataclass(frozen=True)
class Table(Generic[M]):
    """`row` is the template of one row's cells. `prepare` adds to the rows of a page what needs a query of its own,
    one for all of them. `order` is the key of a column, with "-" for descending.

    With `by_key`, for tables without end, rows come in the order of their numbers, nobody counts them, and an export
    reads them piece by piece, the oldest first, holding no connection in between.
    """

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
    by_key: bool = False

    def shown(self, rows: QuerySet[M], asked: QueryDict) -> Shown[M]:
        sort = self._sort(asked)
        page = self._page(rows, asked, sort)
        return Shown(
            table=self,
            page=page,
            headers=[self._header(column, sort, asked) for column in self.columns if not column.only_exported],
            pickers=[each.picker(asked) for each in self.filters],
            query=search_text(asked) if self.search else "",
            sort=asked.get("sort", "") if sort != self.order else "",
            export=_address(asked, export="csv"),
            previous=_address(asked, **page.previous) if page.previous else "",
            next=_address(asked, **page.next) if page.next else "",
        )

    def found(self, rows: QuerySet[M], asked: QueryDict) -> QuerySet[M]:
        """Those that match the search and every filter, in the order asked for; none where there is a problem."""
        if self.problem(asked):
            return rows.none()
        if self.search and (query := search_text(asked)):
            rows = rows.filter(reduce(or_, (Q(**{f"{name}__icontains": query}) for name in self.search)))
        for each in self.filters:
            if chosen := each.chosen(asked):
                rows = each.narrow(rows, chosen)
        sort = self._sort(asked)
        down = sort.startswith("-")
        column = next(each for each in self.columns if each.key == sort.removeprefix("-"))
        orders = [F(name).desc(nulls_last=True) if down else F(name).asc(nulls_first=True) for name in column.order]
        return rows.order_by(*orders, "pk")

    def problem(self, asked: QueryDict) -> str:
        """A sentence about the first filter that can't be understood."""
        return next((problem for each in self.filters if (problem := each.problem(asked))), "")

    def lines(self, rows: QuerySet[M]) -> Iterator[list[Value]]:
        """Every row as an export has it, the titles first; reads in chunks, so that memory stays the same."""
        exported = [column for column in self.columns if not column.hidden_title]
        yield [column.title for column in exported]
        for chunk in _chunks_by_key(rows) if self.by_key else _chunks(rows.iterator(chunk_size=CHUNK)):
            for row in self._prepared(chunk):
                yield [column.value(row) for column in exported]

    def _page(self, rows: QuerySet[M], asked: QueryDict, sort: str) -> Slice[M]:
        found = self.found(rows, asked)
        if self.by_key:
            page = by_key(found, asked, self.per_page, down=sort.startswith("-"))
        else:
            page = by_number(found, asked, self.per_page)
        return replace(page, rows=self._prepared(page.rows))

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
        href = _address(asked, sort=turned) if column.order else ""
        return Header(column.title, href, direction, column.numeric, column.hidden_title)


def _address(asked: QueryDict, **changes: object) -> str:
    """The same address with some of its parameters changed, and without the page that it was about."""
    fields = asked.copy()
    for key in ("export", *PLACES, *changes):
        fields.pop(key, None)
    for key, value in changes.items():
        fields[key] = str(value)
    return f"?{fields.urlencode()}"


def _chunks(rows: Iterable[M]) -> Iterator[list[M]]:
    rows = iter(rows)
    while chunk := list(islice(rows, CHUNK)):
        yield chunk


def _chunks_by_key(rows: QuerySet[M]) -> Iterator[list[M]]:
    rows = rows.order_by("pk")
    chunk = list(rows[:CHUNK])
    while chunk:
        yield chunk
        chunk = list(rows.filter(pk__gt=chunk[-1].pk)[:CHUNK])
