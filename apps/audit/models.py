"""What happened, who did it, to what; and the chain that shows a change made behind our back.

Every table here but `Unsealed` is append-only by a database trigger, and `Label` may lose rows: that is how a person's
data is erased while the events, which hold only ids and references, stay as they were hashed.
"""

from __future__ import annotations

from typing import Any

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import Case, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce, Now, Upper

from apps.audit.registry import sentence_of

ERASED = "(erased)"
"""Stands where a label was, after its person was erased."""


class Label(models.Model):
    """A name or address as it was when something happened, apart from the events so that it can be erased.

    `ref` is the start of SHA-256 over salt, subject and text, so an event that names `ref` vouches for the text while
    it is here, and says nothing once the row is gone. One text may have several rows: nobody ever waits for another's.
    """

    ref = models.UUIDField(primary_key=True)
    subject_id = models.CharField(max_length=64)
    text = models.CharField(max_length=254)
    salt = models.BinaryField(max_length=16)

    class Meta:
        indexes = [
            models.Index(fields=["subject_id", "text"], name="audit_label_subject"),
            GinIndex(OpClass(Upper("text"), name="gin_trgm_ops"), name="audit_label_text"),
        ]


class Events(models.Manager["AuditEvent"]):
    """Events with their labels, read anew from where they may have been erased."""

    def get_queryset(self) -> QuerySet[AuditEvent]:
        labels = {"actor_label": "actor_ref", "target_label": "target_ref", "ip": "ip_ref"}
        return super().get_queryset().annotate(**{name: _label(field) for name, field in labels.items()})


class AuditEvent(models.Model):
    """One governed action. Its columns are what is hashed; labels and the client's address are looked up."""

    class Outcome(models.TextChoices):
        ALLOWED = "allowed"
        DENIED = "denied"
        FAILED = "failed"

    at = models.DateTimeField(db_default=Now(), db_index=True)
    action = models.CharField(max_length=64)
    outcome = models.CharField(max_length=8, choices=Outcome.choices, default=Outcome.ALLOWED)
    actor_id = models.CharField(max_length=32, blank=True)
    actor_ref = models.UUIDField(null=True, blank=True)
    target_type = models.CharField(max_length=32, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    target_ref = models.UUIDField(null=True, blank=True)
    project_id = models.CharField(max_length=32, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    ip_ref = models.UUIDField(null=True, blank=True)
    details = models.JSONField(default=dict)

    actor_label: str = ""
    target_label: str = ""
    target_of: str = ""
    address = ""
    """Of the target's page, where a page of the log was told it."""
    ip: str = ""

    objects = Events()

    class Meta:
        ordering = ["-id"]
        # Each ends with the id, so that a page of the newest is the end of an index, however many events match.
        indexes = [
            models.Index(fields=["action", "id"], name="audit_by_action"),
            models.Index(fields=["outcome", "id"], name="audit_by_outcome"),
            models.Index(fields=["actor_id", "id"], name="audit_by_actor"),
            models.Index(fields=["actor_ref", "id"], name="audit_by_actor_ref"),
            models.Index(fields=["target_id", "id"], name="audit_by_target"),
            models.Index(fields=["target_ref", "id"], name="audit_by_target_ref"),
            models.Index(fields=["project_id", "id"], name="audit_by_project"),
        ]

    def __str__(self) -> str:
        return f"{self.action} by {self.actor_label or 'the system'}"

    @property
    def sentence(self) -> str:
        return sentence_of(self.action)

    @property
    def target_name(self) -> str:
        """What it was called then, or its id where it has no name."""
        return self.target_label or self.target_id

    @property
    def short_id(self) -> str:
        """Of a target that has nothing but a noun: titles are what people wrote, and stay out."""
        return self.target_id[:8] if self.target_label == self.target_type else ""

    @property
    def badge(self) -> str:
        """The class of the badge that shows the outcome."""
        return {"denied": "badge-warn", "failed": "badge-bad"}.get(self.outcome, "")


class Unsealed(models.Model):
    """An event that waits for its place in the chain; a trigger puts it here, in the event's own transaction."""

    event_id = models.BigIntegerField(primary_key=True)


class Seal(models.Model):
    """One link of the chain: `hash` is SHA-256 over the hash before it and the event's canonical text."""

    position = models.BigIntegerField(primary_key=True)
    event = models.OneToOneField(AuditEvent, models.DO_NOTHING, db_constraint=False, related_name="seal")
    hash = models.BinaryField(max_length=32)


class Checkpoint(models.Model):
    """A signature over the chain after `start` up to `position`; `trail` has 16 bytes of each hash between."""

    position = models.BigIntegerField(primary_key=True)
    start = models.BigIntegerField()
    hash = models.BinaryField(max_length=32)
    at = models.DateTimeField()
    key_id = models.CharField(max_length=16)
    trail = models.BinaryField()
    signature = models.BinaryField(max_length=64)


def _label(field: str) -> Any:
    """The text that the reference in `field` stands for, "" without one."""
    found = Subquery(Label.objects.filter(ref=OuterRef(field)).values("text")[:1])
    gone = Case(When(**{f"{field}__isnull": True}, then=Value("")), default=Value(ERASED))
    return Coalesce(found, gone)
