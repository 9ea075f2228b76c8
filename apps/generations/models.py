"""GenerationJob: the durable truth about one generation; Worker: who is alive to run them; LoadTime: of models."""

from __future__ import annotations

from django.conf import settings
from django.db import models

from apps.lib.ids import new_id


class State(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


TERMINAL = (State.SUCCEEDED, State.FAILED, State.CANCELLED)


class GenerationJob(models.Model):
    """One generation from submit to its one terminal state.

    `attempt` is the fencing token: it grows with every claim, and every write of a worker names the attempt it
    holds. `lease_until` is database time; a lease that ran out sends the job back to the queue.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="jobs")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="jobs")
    model_version = models.ForeignKey("catalog.ModelVersion", on_delete=models.PROTECT, related_name="jobs")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    lost_attempts = models.PositiveSmallIntegerField(default=0, help_text="those whose worker was lost")
    messages = models.JSONField(default=list, help_text='what the model reads: [{"role": …, "content": …}]')
    prompt_ids = models.JSONField(default=list, help_text="the same as token ids, chat template applied")
    params = models.JSONField(default=dict, help_text="sampling parameters, validated")
    output = models.TextField(blank=True, help_text="the completion; partial when cancelled or failed")
    reasoning = models.TextField(blank=True, help_text="what it thought before; empty where that is hidden")
    tool_calls = models.JSONField(default=list, help_text='[{"name": …, "arguments": JSON as text, "valid": bool}]')
    finish_reason = models.CharField(max_length=10, blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    worker_id = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    cancel_requested_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    prompt_tokens = models.PositiveIntegerField(default=0)
    completion_tokens = models.PositiveIntegerField(default=0, help_text="all of them, those of the reasoning too")
    usage_estimated = models.BooleanField(default=False, help_text="whether an upstream didn't count these two")
    reasoning_tokens = models.PositiveIntegerField(default=0)
    queue_ms = models.FloatField(null=True, blank=True, help_text="submit to claim")
    ttft_ms = models.FloatField(null=True, blank=True, help_text="engine: request accepted to first token")
    decode_ms = models.FloatField(null=True, blank=True, help_text="engine: first token to last")
    reasoning_ms = models.FloatField(null=True, blank=True, help_text="engine: first token of the reasoning to last")
    device_ms = models.FloatField(null=True, blank=True, help_text="this request's share of device time")

    quota_warnings: tuple[str, ...] = ()
    """Sentences for whoever has just submitted it; not stored."""

    class Meta:
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["model_version", "created_at"], condition=models.Q(state="queued"), name="job_queued"),
            models.Index(fields=["lease_until"], condition=models.Q(state="running"), name="job_running"),
            models.Index(fields=["project", "-created_at"], name="job_project"),
        ]

    @property
    def is_terminal(self) -> bool:
        return self.state in TERMINAL


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
    loaded = models.JSONField(default=list, help_text="digests of the ModelVersions in memory")
    serves = models.JSONField(default=list, help_text="ids of the HostedModels it takes jobs for")
    started_at = models.DateTimeField()
    last_seen = models.DateTimeField(db_index=True)
