"""Worker: who is alive to run jobs; LoadTime: how long models took to load."""

from __future__ import annotations

from django.db import models


class LoadTime(models.Model):
    """How long a version took to load on a kind of device, as workers measured it: what those who wait are told."""

    version = models.ForeignKey("catalog.ModelVersion", on_delete=models.CASCADE, related_name="load_times")
    device = models.CharField(max_length=80)
    seconds = models.FloatField()
    size_bytes = models.BigIntegerField(help_text="of its weights in memory")
    measured_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "device"], name="load_time_once")]


class Worker(models.Model):
    """A worker process and what it serves; alive while `last_seen` is recent (database time)."""

    id = models.CharField(primary_key=True, max_length=64)
    device = models.CharField(max_length=80)
    slots = models.PositiveSmallIntegerField()
    loaded = models.JSONField(default=list, help_text="engine keys of the ModelVersions in memory")
    loading = models.JSONField(default=list, help_text="engine keys of those that are being loaded")
    serves = models.JSONField(default=list, help_text="ids of the HostedModels it takes jobs for")
    started_at = models.DateTimeField()
    last_seen = models.DateTimeField(db_index=True)
