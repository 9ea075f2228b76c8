"""What one subject used, day by day and model by model, from the totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Count, F, Q, QuerySet, Sum

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.quotas.models import LedgerEntry, Price, Subject, UsageTotal

SUMMED = ("jobs", "tokens", "images", "device_ms", "cost_micros")
MOST, MOST_OF_PROJECT = 10, 50


@dataclass(slots=True)
class Used:
    """`cost` in the site's currency."""

    name: str = ""
    jobs: int = 0
    tokens: int = 0
    images: int = 0
    device_ms: float = 0.0
    cost_micros: int = 0

    @property
    def device_seconds(self) -> float:
        return self.device_ms / 1000

    @property
    def cost(self) -> float:
        return self.cost_micros / 1_000_000

    def add(self, row: Mapping[str, Any]) -> None:
        for name in SUMMED:
            setattr(self, name, getattr(self, name) + row[name])


@dataclass(frozen=True, slots=True)
class Report:
    """Every day from the first to today, also those on which nothing was used; models by device time."""

    days: list[tuple[date, Used]]
    models: list[Used]
    total: Used
    currency: str


def report(subject: Subject, subject_id: str, *, today: date, days: int) -> Report:
    """Of the last `days` days, `today` (the database's) included. Three queries."""
    first = today - timedelta(days=days - 1)
    rows = UsageTotal.objects.filter(subject=subject, subject_id=subject_id, day__range=(first, today))
    by_day, by_model, total = defaultdict[date, Used](Used), defaultdict[str, Used](Used), Used()
    for row in rows.values("day", "model_id").annotate(**{name: Sum(name) for name in SUMMED}).order_by("day"):
        for used in (by_day[row["day"]], by_model[row["model_id"]], total):
            used.add(row)
    names = dict(HostedModel.objects.filter(pk__in=by_model).values_list("pk", "name"))
    for model, used in by_model.items():
        used.name = names.get(model, model)
    every = (first + timedelta(days=number) for number in range(days))
    return Report(
        days=[(day, by_day.get(day, Used())) for day in every],
        models=_largest(by_model.values()),
        total=total,
        currency=currency(),
    )


def people_who_used_most(*, today: date, days: int) -> list[Used]:
    """The ten people of the site with the most device time. Two queries."""
    rows = UsageTotal.objects.filter(subject=Subject.USER, day__range=(today - timedelta(days=days - 1), today))
    found = rows.annotate(person=F("subject_id")).values("person")
    return _people(found.annotate(**{name: Sum(name) for name in SUMMED}), MOST)


def people_of_project(project_id: str, *, today: date, days: int) -> list[Used]:
    """Those who used most in a project, from the ledger: the totals don't know who used what where. Two queries."""
    since = today - timedelta(days=days - 1)
    found = settled_in(project_id, since, today).annotate(person=F("user_id")).values("person")
    return _people(found.annotate(jobs=Count("pk"), **{name: Sum(name) for name in SUMMED[1:]}), MOST_OF_PROJECT)


def settled_in(project_id: str, since: date, until: date) -> QuerySet[LedgerEntry]:
    """Settlements of a project that book any use."""
    used = Q(tokens__gt=0) | Q(images__gt=0) | Q(device_ms__gt=0)
    rows = LedgerEntry.objects.filter(kind=LedgerEntry.Kind.SETTLE, project_id=project_id, day__range=(since, until))
    return rows.filter(used).order_by()


def name_of(person: User | None) -> str:
    return str(person) if person else "somebody who has left"


def _people(rows: QuerySet[Any, Any], most: int) -> list[Used]:
    largest = list(rows.order_by(F("device_ms").desc(), F("tokens").desc(), "person")[:most])
    people = User.objects.in_bulk([row["person"] for row in largest])
    result = []
    for row in largest:
        result.append(Used(name=name_of(people.get(row["person"]))))
        result[-1].add(row)
    return result


def currency() -> str:
    """ "" where the site has no price for all models."""
    return Price.objects.filter(hosted_model=None).values_list("currency", flat=True).first() or ""


def _largest(models: Iterable[Used]) -> list[Used]:
    return sorted(models, key=lambda used: (-used.device_ms, -used.tokens, used.name))
