"""What is going on here: read from the rows of the other rooms, in a constant number of queries."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db.models import Count, DateTimeField, Max, Min, Q, Sum
from django.db.models.functions import Now, TruncHour
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.audit.registry import sentence_of
from apps.catalog.models import HostedModel
from apps.console.bars import Bars, bars
from apps.generations.models import GenerationJob, State, Worker
from apps.generations.presence import alive_workers
from apps.governance.models import AccessRequest, KillSwitch, RequestState
from apps.quotas.models import Subject, UsageTotal
from apps.quotas.usage import currency

DAY = timedelta(days=1)
HOURS = 24


@dataclass(frozen=True)
class Queue:
    """One model's jobs now. `workers` is how many that are alive take them."""

    model: HostedModel
    waiting: int
    running: int
    oldest: Any
    workers: int

    @property
    def stuck(self) -> bool:
        return bool(self.waiting and not self.workers)


@dataclass(frozen=True)
class Spend:
    jobs: int
    tokens: int
    device_seconds: float
    cost: float


def overview() -> dict[str, Any]:
    """Everything that the page shows, by the names it has there."""
    workers = list(alive_workers().order_by("device", "pk"))
    queues = _queues(workers)
    return {
        "workers": workers,
        "slots": sum(worker.slots for worker in workers),
        "queues": queues,
        "waiting": sum(queue.waiting for queue in queues),
        "running": sum(queue.running for queue in queues),
        "requests": list(_requests().select_related("user", "hosted_model", "project")[:5]),
        "requests_waiting": _requests().count(),
        "spend": _spend(),
        "currency": currency(),
        "denials": _denials(),
        "denied": AuditEvent.objects.filter(outcome=AuditEvent.Outcome.DENIED, at__gt=Now() - DAY).count(),
        "stops": list(KillSwitch.objects.thrown().select_related("hosted_model", "thrown_by")),
        "people": _people(),
        "hours": _hours(),
        "failures": _failures(),
    }


def _queues(workers: list[Worker]) -> list[Queue]:
    unfinished = GenerationJob.objects.filter(state__in=(State.QUEUED, State.RUNNING)).order_by()
    rows = unfinished.values_list("model_version__hosted_model").annotate(
        waiting=Count("pk", filter=Q(state=State.QUEUED)),
        running=Count("pk", filter=Q(state=State.RUNNING)),
        oldest=Min("created_at", filter=Q(state=State.QUEUED)),
    )
    jobs = {row[0]: row[1:] for row in rows}
    served = [model for worker in workers for model in worker.serves]
    models = HostedModel.objects.filter(pk__in={*jobs, *served})
    found = []
    for model in models:
        waiting, running, oldest = jobs.get(model.pk, (0, 0, None))
        found.append(Queue(model, waiting, running, oldest, served.count(model.pk)))
    return sorted(found, key=lambda queue: (-queue.waiting, -queue.running, queue.model.name))


def _requests() -> Any:
    return AccessRequest.objects.filter(state=RequestState.OPEN).order_by("created_at", "pk")


def _spend() -> dict[str, Spend]:
    """Today and this month, in UTC as the ledger counts."""
    today = timezone.now().astimezone(timezone.get_fixed_timezone(0)).date()
    totals = UsageTotal.objects.filter(subject=Subject.SITE, day__gte=today.replace(day=1))
    names = ("jobs", "tokens", "device_ms", "cost_micros")
    month = totals.aggregate(**{f"m_{name}": Sum(name) for name in names})
    day = totals.aggregate(**{f"d_{name}": Sum(name, filter=Q(day=today)) for name in names})
    return {"today": _sum(day, "d_"), "month": _sum(month, "m_")}


def _sum(row: dict[str, Any], prefix: str) -> Spend:
    jobs, tokens, device_ms, cost = (
        row[f"{prefix}{name}"] or 0 for name in ("jobs", "tokens", "device_ms", "cost_micros")
    )
    return Spend(int(jobs), int(tokens), device_ms / 1000, cost / 1_000_000)


def _denials() -> list[dict[str, Any]]:
    """What was refused in the last day, by kind: whom, says the audit log to those who may read it."""
    refused = AuditEvent.objects.filter(outcome=AuditEvent.Outcome.DENIED, at__gt=Now() - DAY).order_by()
    rows = refused.values("action").annotate(times=Count("pk"), last=Max("at")).order_by("-times", "action")[:6]
    return [{"sentence": sentence_of(row["action"]), **row} for row in rows]


def _people() -> dict[str, int]:
    return User.objects.aggregate(
        all=Count("pk", filter=Q(is_active=True)),
        today=Count("pk", filter=Q(last_login__gt=Now() - DAY)),
        admins=Count("pk", filter=Q(is_active=True, is_superuser=True)),
    )


def _failures() -> int:
    return GenerationJob.objects.filter(state=State.FAILED, finished_at__gt=Now() - DAY).count()


def _hours() -> Bars:
    """How many generations were asked for in each of the last 24 hours."""
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    hours = [hour - timedelta(hours=back) for back in reversed(range(HOURS))]
    asked = GenerationJob.objects.filter(created_at__gte=hours[0]).order_by()
    rows = asked.annotate(hour=TruncHour("created_at", output_field=DateTimeField())).values_list("hour")
    counts = dict(rows.annotate(Count("pk")))
    return bars([(each, counts.get(each, 0)) for each in hours])
