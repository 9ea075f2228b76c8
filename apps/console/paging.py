"""Pages of a table: by number where people turn them one by one, by key where there are a million rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar

from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import QueryDict

M = TypeVar("M", bound=Model)
LARGEST_ID = 2**63 - 1
Place: TypeAlias = dict[str, int]
"""What the address of a page says of it."""


@dataclass(frozen=True)
class Slice(Generic[M]):
    """`total` is None where nobody counts; `previous` and `next` are None where there is nothing further."""

    rows: list[M]
    previous: Place | None = None
    next: Place | None = None
    total: int | None = None
    where: str = field(default="")


def by_number(rows: QuerySet[M], asked: QueryDict, size: int) -> Slice[M]:
    """`?page=2`; the first or the last one for a number that there isn't."""
    page = Paginator(rows, size).get_page(asked.get("page"))
    total, last = page.paginator.count, page.paginator.num_pages
    return Slice(
        rows=list(page.object_list),
        previous={"page": page.number - 1} if page.has_previous() else None,
        next={"page": page.number + 1} if page.has_next() else None,
        total=total,
        where=f"{page.start_index()}–{page.end_index()} of {total} · Page {page.number} of {last}" if last > 1 else "",
    )


def by_key(rows: QuerySet[M], asked: QueryDict, size: int, *, down: bool) -> Slice[M]:
    """`?before=17` or `?after=17`, smaller or larger ids; as fast on the last page as on the first, and stable while
    rows are added. `down`: the largest first."""
    after, before = _id(asked.get("after")), 0 if _id(asked.get("after")) else _id(asked.get("before"))
    up = bool(after) or not (before or down)
    part = rows.filter(pk__gt=after) if after else rows.filter(pk__lt=before) if before else rows
    found = list(part.order_by("pk" if up else "-pk")[: size + 1])
    more, found = len(found) > size, found[:size]
    shown = found[::-1] if up == down else found
    ids = [row.pk for row in shown] or [after + 1 if after else before - 1]
    larger = {"after": max(ids)} if (more if up else before) else None
    smaller = {"before": min(ids)} if (after if up else more) else None
    return Slice(shown, larger, smaller) if down else Slice(shown, smaller, larger)


def _id(text: str | None) -> int:
    return min(int(text), LARGEST_ID) if text and text.isascii() and text.isdigit() else 0
