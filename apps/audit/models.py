"""AuditEvent: what happened, who did it, to what. Append-only by a database trigger."""

from __future__ import annotations

from django.db import models

from apps.audit.registry import sentence_of


class AuditEvent(models.Model):
    """One governed action. Holds labels and plain references, so it outlives what it describes."""

    class Outcome(models.TextChoices):
        ALLOWED = "allowed"
        DENIED = "denied"
        FAILED = "failed"

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    action = models.CharField(max_length=64, db_index=True)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.ALLOWED)
    actor_id = models.CharField(max_length=32, blank=True, db_index=True)
    actor_label = models.CharField(max_length=254, blank=True)
    target_type = models.CharField(max_length=32, blank=True)
    target_id = models.CharField(max_length=64, blank=True, db_index=True)
    target_label = models.CharField(max_length=254, blank=True)
    project_id = models.CharField(max_length=32, blank=True, db_index=True)
    request_id = models.CharField(max_length=64, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    details = models.JSONField(default=dict)

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_label or 'the system'}"

    @property
    def sentence(self) -> str:
        return sentence_of(self.action)

    @property
    def badge(self) -> str:
        """The class of the badge that shows the outcome."""
        return {"denied": "badge-warn", "failed": "badge-bad"}.get(self.outcome, "")
