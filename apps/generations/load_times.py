"""How long models take to load: what workers measured, kept for the next ones and for people who wait."""

from __future__ import annotations

from django.db.models.functions import Now

from apps.catalog.models import ModelVersion
from apps.generations.models import LoadTime
from engine.load_times import LoadTime as Measured
from engine.load_times import LoadTimes
from engine.weights import key_with, split_key


def known_load_times(device: str) -> LoadTimes:
    """Those of this device, for an engine that adds to them: of versions with their weights as they are kept now."""
    rows = LoadTime.objects.filter(device=device).order_by("measured_at")
    known = rows.values_list("version__digest", "version__weights", "size_bytes", "seconds")
    return LoadTimes(Measured(key_with(digest, weights), size, took) for digest, weights, size, took in known)


def keep_load_times(device: str, load_times: LoadTimes) -> None:
    """Write down what was measured since the last time. A version that is gone meanwhile is left out."""
    news = load_times.news()
    if not news:
        return
    digests = [split_key(each.model)[0] for each in news]
    versions = dict(ModelVersion.objects.filter(digest__in=digests).values_list("digest", "pk"))
    for each, digest in zip(news, digests, strict=True):
        if digest in versions:
            measured = {"seconds": each.seconds, "size_bytes": each.size, "measured_at": Now()}
            LoadTime.objects.update_or_create(version_id=versions[digest], device=device, defaults=measured)
    load_times.kept(news)
