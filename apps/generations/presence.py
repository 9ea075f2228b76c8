"""Which workers are alive: each writes its row again with every heartbeat, in database time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models import QuerySet
from django.db.models.functions import Now

from apps.generations.models import Worker

FORGET_AFTER = timedelta(hours=1)


def alive_workers() -> QuerySet[Worker]:
    """Those seen within one lease time."""
    return Worker.objects.filter(last_seen__gt=Now() - timedelta(seconds=settings.LEASE_SECONDS))


def is_served(hosted_model_id: str) -> bool:
    return alive_workers().filter(serves__contains=[hosted_model_id]).exists()


def announce(worker_id: str, *, device: str, slots: int, loaded: Sequence[str], serves: Sequence[str]) -> None:
    """Write that this worker is alive."""
    seen = {"device": device, "slots": slots, "loaded": list(loaded), "serves": list(serves), "last_seen": Now()}
    Worker.objects.update_or_create(pk=worker_id, defaults=seen, create_defaults=seen | {"started_at": Now()})
    Worker.objects.filter(last_seen__lt=Now() - FORGET_AFTER).delete()


def leave(worker_id: str) -> None:
    Worker.objects.filter(pk=worker_id).delete()
