"""Pages by key: as fast on the last page as on the first, and stable while events are added."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import QueryDict

from apps.audit.models import AuditEvent

PER_PAGE = 50
LARGEST_ID = 2**63 - 1


@dataclass(frozen=True)
class Page:
    """`older` and `newer` are ids to ask on from; None where there is nothing further."""

    events: list[AuditEvent]
    older: int | None
    newer: int | None


def page_of(events: QuerySet[AuditEvent], asked: QueryDict, size: int = PER_PAGE) -> Page:
    """The page before or after the id in `asked`; the newest where there is none or it is not a number."""
    after, before = _id(asked.get("after")), _id(asked.get("before"))
    if after:
        found = list(events.filter(id__gt=after).order_by("id")[: size + 1])
        shown = found[size - 1 :: -1] if len(found) > size else found[::-1]
        return Page(shown, shown[-1].pk if shown else after + 1, shown[0].pk if len(found) > size else None)
    found = list((events.filter(id__lt=before) if before else events).order_by("-id")[: size + 1])
    shown = found[:size]
    newer = (shown[0].pk if shown else before - 1) if before else None
    return Page(shown, shown[-1].pk if len(found) > size else None, newer)


def _id(text: str | None) -> int:
    return min(int(text), LARGEST_ID) if text and text.isascii() and text.isdigit() else 0
