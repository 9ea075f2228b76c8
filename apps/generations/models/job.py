"""GenerationJob: the durable truth about one generation."""

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


class Kind(models.TextChoices):
    """What a job makes."""

    TEXT = "text"
    IMAGE = "image"


ASKED = ("messages", "prompt_ids")
"""Long columns that only an engine needs, to begin."""


def long_of(*versions: str) -> list[str]:
    """Long columns of the versions that a job is read with: nobody who asks about the job needs them."""
    return [f"{version}__{name}" for version in versions for name in ("files", "model_card", "chat_template")]


class GenerationJob(models.Model):
    """One generation from submit to its one terminal state.

    `attempt` is the fencing token: it grows with every claim, and every write of a worker names the attempt it
    holds. `lease_until` is database time; a lease that ran out sends the job back to the queue.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="jobs")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="jobs")
    model_version = models.ForeignKey("catalog.ModelVersion", on_delete=models.PROTECT, related_name="jobs")
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.TEXT)
    from_program = models.BooleanField(
        default=False, db_default=False, help_text="a program of the person asked for it, with an API token"
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempt = models.PositiveSmallIntegerField(default=0)
    lost_attempts = models.PositiveSmallIntegerField(default=0, help_text="those whose worker was lost")
    messages = models.JSONField(
        default=list, help_text='what the model reads: [{"role": …, "content": …}], some with "pictures": ids'
    )
    prompt_ids = models.JSONField(default=list, help_text="the same as token ids, chat template applied")
    params = models.JSONField(default=dict, help_text="sampling or picture parameters, validated")
    output = models.TextField(blank=True, help_text="the completion; partial when cancelled or failed")
    reasoning = models.TextField(blank=True, help_text="what it thought before; empty where that is hidden")
    tool_calls = models.JSONField(default=list, help_text='[{"name": …, "arguments": JSON as text, "valid": bool}]')
    receipt = models.JSONField(default=dict, help_text="what else decided the result: see FinishEvent.made_with")
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
    steps = models.PositiveIntegerField(default=0, help_text="denoising steps computed for a picture")
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
