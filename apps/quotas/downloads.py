"""Usage as CSV: a line for each day and model, and for each person where the reader may see people."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, F, QuerySet, Sum

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.quotas.models import Subject, UsageTotal
from apps.quotas.usage import SUMMED, currency, name_of, settled_in

TITLES = ("Day", "Model", "Answers", "Tokens", "Pictures", "Device-seconds", "Cost", "Currency")
CHUNK = 500
Rows = QuerySet[Any, Any]


def usage_lines(
    subject: Subject, subject_id: str, *, today: date, days: int, people: bool = False
) -> Iterator[list[object]]:
    """The titles first. `people` is for a project or the whole site."""
    rows = _by_person(subject, subject_id, today, days) if people else _totals(subject, subject_id, today, days)
    names = dict(HostedModel.objects.values_list("pk", "name"))
    persons = User.objects.in_bulk(rows.values_list("person", flat=True).distinct()) if people else {}
    money = currency()
    yield ["Day", "Person", "Id of person", *TITLES[1:]] if people else list(TITLES)
    order = ("day", "person", "model_id") if people else ("day", "model_id")
    for row in rows.order_by(*order).iterator(CHUNK):
        who = [name_of(persons.get(row["person"])), row["person"]] if people else []
        used = [row["jobs"], row["tokens"], row["images"], round(row["device_ms"] / 1000, 3)]
        cost = round(row["cost_micros"] / 1_000_000, 6)
        yield [row["day"].isoformat(), *who, names.get(row["model_id"], row["model_id"]), *used, cost, money]


def _totals(subject: Subject, subject_id: str, today: date, days: int) -> Rows:
    rows = UsageTotal.objects.filter(subject=subject, subject_id=subject_id, day__range=_range(today, days))
    return rows.values("day", "model_id").annotate(**{name: Sum(name) for name in SUMMED}).filter(jobs__gt=0)


def _by_person(subject: Subject, subject_id: str, today: date, days: int) -> Rows:
    since, until = _range(today, days)
    if subject == Subject.PROJECT:
        entries = settled_in(subject_id, since, until).annotate(person=F("user_id"))
        counted = {"jobs": Count("pk"), **{name: Sum(name) for name in SUMMED[1:]}}
        return entries.values("day", "person", "model_id").annotate(**counted)
    totals = UsageTotal.objects.filter(subject=Subject.USER, day__range=(since, until)).annotate(person=F("subject_id"))
    counted = {name: Sum(name) for name in SUMMED}
    return totals.values("day", "person", "model_id").annotate(**counted).filter(jobs__gt=0)


def _range(today: date, days: int) -> tuple[date, date]:
    return today - timedelta(days=days - 1), today
