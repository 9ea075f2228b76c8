"""Which workers are alive: each writes its row again with every heartbeat, in database time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import DateTimeField, ExpressionWrapper, QuerySet
from django.db.models.functions import Now

from apps.generations.models import Worker
from apps.lib.compiled import CompiledQuery, Parameter

FORGET_AFTER = timedelta(hours=1)


def alive_workers() -> QuerySet[Worker]:
    """Those seen within one lease time."""
    return _seen_within(_lease())


def workers_for(hosted_model_id: str) -> list[Worker]:
    """Those of them that serve this model."""
    return SERVING.all(time=_lease(), models=json.dumps([hosted_model_id]))


def is_served(hosted_model_id: str) -> bool:
    return bool(workers_for(hosted_model_id))


def _seen_within(time: timedelta | Parameter) -> QuerySet[Worker]:
    return Worker.objects.filter(last_seen__gt=ExpressionWrapper(Now() - time, DateTimeField()))


def _lease() -> timedelta:
    return timedelta(seconds=settings.LEASE_SECONDS)


SERVING = CompiledQuery(lambda: _seen_within(Parameter("time")).filter(serves__contains=Parameter("models")))


def announce(
    worker_id: str,
    *,
    device: str,
    slots: int,
    loaded: Sequence[str],
    serves: Sequence[str],
    loading: Sequence[str] = (),
) -> None:
    """Write that this worker is alive."""
    models = {"loaded": list(loaded), "loading": list(loading), "serves": list(serves)}
    seen = {"device": device, "slots": slots, **models, "last_seen": Now()}
    Worker.objects.update_or_create(pk=worker_id, defaults=seen, create_defaults=seen | {"started_at": Now()})
    Worker.objects.filter(last_seen__lt=Now() - FORGET_AFTER).delete()


def leave(worker_id: str) -> None:
    Worker.objects.filter(pk=worker_id).delete()
