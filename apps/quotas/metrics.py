"""What a process counts of quotas and usage, and what the database knows of them, for Prometheus.

Labels are models of the catalogue and words of this room: never people or projects.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from django.db import transaction
from django.db.models import Sum
from prometheus_client import Counter
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from apps.quotas.ledger import Settled
from apps.quotas.limits import Limit, database_today
from apps.quotas.models import Subject, UsageTotal

RESERVATIONS = Counter("atrium_quota_reservations_total", "Jobs that something was set aside for", ["model"])
REFUSALS = Counter("atrium_quota_refusals_total", "Prompts that a quota refused", ["subject", "metric", "period"])
SETTLED = Counter("atrium_usage_settled_total", "What ended jobs were measured to use", ["model", "metric"])
COLUMNS = {"jobs": "jobs", "tokens": "tokens", "images": "pictures", "device_ms": "device_seconds"}


def count_reservation(model_id: str) -> None:
    """Once it is committed."""
    transaction.on_commit(RESERVATIONS.labels(model_id).inc, robust=True)


def count_refusal(limit: Limit) -> None:
    REFUSALS.labels(limit.subject.value, limit.metric.value, limit.period.value or "at_once").inc()


def count_settled(settled: Iterable[Settled]) -> None:
    """Once it is committed; what was settled before is not counted again."""
    for each in settled:
        transaction.on_commit(partial(_count, each), robust=True)


def _count(settled: Settled) -> None:
    for column, metric in COLUMNS.items():
        SETTLED.labels(settled.model_id, metric).inc(_in_units(column, getattr(settled, column)))


class Usage(Collector):
    """Reads the totals of the site at each scrape, so that any web process tells the same."""

    def collect(self) -> Iterable[Metric]:
        totals = UsageTotal.objects.filter(subject=Subject.SITE, subject_id="")
        today = GaugeMetricFamily("atrium_usage_today", "Used today, in UTC", labels=["model", "metric"])
        sums = {column: Sum(column) for column in COLUMNS}
        rows = totals.filter(day=database_today()).order_by("model_id").values_list("model_id").annotate(**sums)
        for model, *used in rows:
            for (column, metric), value in zip(COLUMNS.items(), used, strict=True):
                today.add_metric([model, metric], _in_units(column, value))
        waiting = GaugeMetricFamily("atrium_usage_reserved", "Set aside for jobs without an end", labels=["metric"])
        names = {column: f"reserved_{column}" if column != "jobs" else "open_jobs" for column in COLUMNS}
        found = totals.filter(open_jobs__gt=0).aggregate(**{column: Sum(name) for column, name in names.items()})
        for column, metric in COLUMNS.items():
            waiting.add_metric([metric], _in_units(column, found[column] or 0))
        return today, waiting


def _in_units(column: str, value: float) -> float:
    return value / 1000 if column == "device_ms" else float(value)
