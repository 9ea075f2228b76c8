"""Limits on what people, projects and the site use, and what a device-second costs."""

from __future__ import annotations

from django.db.models import QuerySet

from apps.console.filters import Filter
from apps.console.tables import Column, Table
from apps.quotas.models import Metric, Period, Price, Quota, Subject


def quotas() -> QuerySet[Quota]:
    return Quota.objects.select_related("user", "project", "created_by")


def prices() -> QuerySet[Price]:
    return Price.objects.select_related("hosted_model")


def _of_subject(rows: QuerySet[Quota], subject: str) -> QuerySet[Quota]:
    return rows.filter(subject=subject)


def _of_metric(rows: QuerySet[Quota], metric: str) -> QuerySet[Quota]:
    return rows.filter(metric=metric)


def _of_period(rows: QuerySet[Quota], period: str) -> QuerySet[Quota]:
    return rows.filter(period="" if period == "any" else period)


QUOTAS: Table[Quota] = Table(
    name="quotas",
    title="Quotas",
    row="console/quotas/_row.html",
    order="subject",
    search=("user__email", "user__display_name", "project__name"),
    search_title="Search by person or project",
    empty_icon="scale",
    empty_title="No limits",
    empty_text="Whoever may use a model may use it as much as they like, until there is a quota.",
    filters=(
        Filter("subject", "For anybody", [(str(key), str(name)) for key, name in Subject.choices], _of_subject),
        Filter("metric", "Of anything", [(str(key), str(name)) for key, name in Metric.choices], _of_metric),
        Filter("period", "Any period", [(str(key) or "any", str(name)) for key, name in Period.choices], _of_period),
    ),
    columns=(
        Column("subject", "For", lambda each: each.subject_name, ("subject", "user__email", "project__name")),
        Column("metric", "What", lambda each: each.get_metric_display(), ("metric",)),
        Column("limit", "Limit", lambda each: each.limit, ("limit",), numeric=True),
        Column("period", "In", lambda each: each.get_period_display(), ("period",)),
        Column("made", "Since", lambda each: each.created_at, ("created_at",)),
        Column("by", "By", lambda each: each.created_by or "", ("created_by__display_name",)),
        Column("do", "Actions", lambda each: "", hidden_title=True),
    ),
)
PRICES: Table[Price] = Table(
    name="prices",
    title="Prices",
    row="console/quotas/_price_row.html",
    order="model",
    search=("hosted_model__name",),
    search_title="Search by model",
    empty_icon="credit-card",
    empty_title="Nothing costs anything",
    empty_text="With a price for a device-second, what people use shows in money too.",
    columns=(
        Column("model", "For", lambda each: each.hosted_model or "All other models", ("hosted_model__name",)),
        Column("per_second", "A device-second", lambda each: float(each.per_second), ("per_second",), numeric=True),
        Column("currency", "Currency", lambda each: each.currency),
        Column("changed", "Since", lambda each: each.changed_at, ("changed_at",)),
        Column("do", "Actions", lambda each: "", hidden_title=True),
    ),
)
