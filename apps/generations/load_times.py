"""How long models take to load: what workers measured, kept for the next ones and for people who wait."""

from __future__ import annotations

from django.db.models.functions import Now

from apps.catalog.models import ModelVersion
from apps.generations.models import LoadTime
from engine.load_times import LoadTime as Measured
from engine.load_times import LoadTimes


def known_load_times(device: str) -> LoadTimes:
    """Those of this device, for an engine that adds to them."""
    rows = LoadTime.objects.filter(device=device).order_by("measured_at")
    return LoadTimes(Measured(*row) for row in rows.values_list("version__digest", "size_bytes", "seconds"))


def keep_load_times(device: str, load_times: LoadTimes) -> None:
    """Write down what was measured since the last time. A version that is gone meanwhile is left out."""
    news = load_times.news()
    if not news:
        return
    versions = dict(ModelVersion.objects.filter(digest__in=[each.model for each in news]).values_list("digest", "pk"))
    for each in news:
        if each.model in versions:
            measured = {"seconds": each.seconds, "size_bytes": each.size, "measured_at": Now()}
            LoadTime.objects.update_or_create(version_id=versions[each.model], device=device, defaults=measured)
    load_times.kept(news)
