"""Case, Report, Decision and Appeal; what people are told (Notice); what counts against limits (Doing)."""

from __future__ import annotations

from typing import Any, Self

from django.conf import settings
from django.db import models

from apps.lib.ids import new_id

MAX_WORDS = 1_000
"""Characters of what reporters, moderators and authors write."""
MAX_EXCERPT = 50_000
SOMEBODY: dict[str, Any] = {"on_delete": models.SET_NULL, "null": True, "related_name": "+"}


class CaseQuerySet(models.QuerySet["Case"]):
    def hidden(self, kind: str) -> Self:
        return self.filter(kind=kind).exclude(hidden_at=None)


class Case(models.Model):
    """All there is about one thing that was reported: its row is the lock that decisions about it take.

    `kind` is a registered one (see `kinds`), `thing_id` an id of that kind. `excerpt` is what the thing said when it
    was last reported: moderators read what the reporter saw, and no more of somebody's project.
    """

    class State(models.TextChoices):
        OPEN = "open", "Waiting"
        CLOSED = "closed", "Decided"

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    kind = models.CharField(max_length=32)
    thing_id = models.CharField(max_length=64)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, **SOMEBODY)
    label = models.CharField(max_length=160, blank=True)
    excerpt = models.TextField(blank=True)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    hidden_at = models.DateTimeField(null=True, blank=True)
    reported_at = models.DateTimeField(auto_now_add=True, help_text="the last time")

    objects = CaseQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["kind", "thing_id"], name="case_once_for_a_thing")]
        indexes = [
            models.Index(fields=["state", "-reported_at", "id"], name="case_queue"),
            models.Index(fields=["kind", "thing_id"], condition=~models.Q(hidden_at=None), name="case_hidden"),
        ]
        ordering = ["-reported_at", "id"]

    def __str__(self) -> str:
        return self.label or f"{self.kind} {self.thing_id}"


class Report(models.Model):
    """Somebody says that a thing should not be here."""

    class Reason(models.TextChoices):
        SPAM = "spam", "Spam or advertising"
        ABUSE = "abuse", "Insults, threats or hatred"
        PRIVATE = "private", "Shows private data of somebody"
        RIGHTS = "rights", "Breaks a licence or copyright"
        DANGER = "danger", "Illegal or dangerous"
        OTHER = "other", "Something else"

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="reports")
    reporter = models.ForeignKey(settings.AUTH_USER_MODEL, **SOMEBODY)
    reason = models.CharField(max_length=8, choices=Reason.choices)
    text = models.CharField(max_length=MAX_WORDS, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["case", "reporter"], condition=models.Q(closed_at=None), name="report_once_while_open"
            )
        ]
        ordering = ["-created_at", "id"]


class Decision(models.Model):
    """What a moderator did about a case, and the reason that the author reads."""

    class Outcome(models.TextChoices):
        HIDE = "hide", "Hidden"
        RESTORE = "restore", "Restored"
        WARN = "warn", "Warned"
        DISMISS = "dismiss", "Left as it is"

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    case = models.ForeignKey(Case, on_delete=models.CASCADE, related_name="decisions")
    moderator = models.ForeignKey(settings.AUTH_USER_MODEL, **SOMEBODY)
    outcome = models.CharField(max_length=8, choices=Outcome.choices)
    reason = models.CharField(max_length=MAX_WORDS, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "id"]


class Appeal(models.Model):
    """The author's one answer to a decision, and a moderator's answer to that."""

    class State(models.TextChoices):
        OPEN = "open", "Waiting"
        GRANTED = "granted", "Granted"
        REJECTED = "rejected", "Rejected"

    decision = models.OneToOneField(Decision, on_delete=models.CASCADE, primary_key=True, related_name="appeal")
    text = models.CharField(max_length=MAX_WORDS)
    state = models.CharField(max_length=8, choices=State.choices, default=State.OPEN)
    created_at = models.DateTimeField(auto_now_add=True)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, **SOMEBODY)
    answer = models.CharField(max_length=MAX_WORDS, blank=True)
    answered_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [models.Index(fields=["created_at"], condition=models.Q(state="open"), name="appeal_open")]
        ordering = ["-created_at"]


class Notice(models.Model):
    """Something a person should know. Rooms above write them too: see `notices.notify`."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="notices")
    title = models.CharField(max_length=200)
    text = models.TextField(blank=True)
    url = models.CharField(max_length=300, blank=True)
    decision = models.ForeignKey(Decision, on_delete=models.SET_NULL, null=True, blank=True, related_name="notices")
    key = models.CharField(max_length=120, blank=True, help_text="an unread notice with the same key is there once")
    created_at = models.DateTimeField(auto_now_add=True)
    read_at = models.DateTimeField(null=True, blank=True)
    dismissed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["user", "-created_at"], name="notice_of_user"),
            models.Index(fields=["user"], condition=models.Q(read_at=None), name="notice_unread"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["key", "user"],
                condition=~models.Q(key="") & models.Q(read_at=None, dismissed_at=None),
                name="notice_once_while_unread",
            )
        ]
        ordering = ["-created_at", "id"]


class Doing(models.Model):
    """One thing that somebody did lately, counted by `limits.check_rate`. Rows older than an hour mean nothing."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    action = models.CharField(max_length=32)
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["user", "action", "at"], name="doing_lately")]
