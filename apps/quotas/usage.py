"""What one subject used, day by day and model by model, from the totals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import F, Sum

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.quotas.models import Price, Subject, UsageTotal

SUMMED = ("jobs", "tokens", "images", "device_ms", "cost_micros")
MOST = 10


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
    """The ten people of the site with the most device time; who has left is called so. Two queries."""
    rows = UsageTotal.objects.filter(subject=Subject.USER, day__range=(today - timedelta(days=days - 1), today))
    found = rows.values("subject_id").annotate(**{name: Sum(name) for name in SUMMED})
    largest = list(found.order_by(F("device_ms").desc(), F("tokens").desc(), "subject_id")[:MOST])
    people = User.objects.in_bulk([row["subject_id"] for row in largest])
    result = []
    for row in largest:
        person = people.get(row["subject_id"])
        result.append(Used(name=str(person) if person else "somebody who has left"))
        result[-1].add(row)
    return result


def currency() -> str:
    """ "" where the site has no price for all models."""
    return Price.objects.filter(hosted_model=None).values_list("currency", flat=True).first() or ""


def _largest(models: Iterable[Used]) -> list[Used]:
    return sorted(models, key=lambda used: (-used.device_ms, -used.tokens, used.name))
