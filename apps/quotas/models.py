"""What people, projects and the site may use, what they used, and what it costs.

The ledger is the truth: one `reserve` and one `settle` entry for each job, never changed. UsageTotal sums it up for
quick reading, in several slots for each day, so that submits at the same time don't wait for one row.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

SLOTS = 32
"""Rows for each day, subject and model: a database session writes to one of them."""


class Subject(models.TextChoices):
    USER = "user", "One person"
    PROJECT = "project", "One project"
    SITE = "site", "The whole site"
    EVERY_USER = "every_user", "Every person"


class Metric(models.TextChoices):
    TOKENS = "tokens", "Tokens"
    IMAGES = "images", "Pictures"
    DEVICE_SECONDS = "device_seconds", "Device-seconds"
    CONCURRENT_JOBS = "concurrent_jobs", "Answers at once"


class Period(models.TextChoices):
    DAY = "day", "A day"
    MONTH = "month", "A month"
    ANY = "", "At any time"


class Quota(models.Model):
    """A limit. One for a person takes the place of the one for every person with the same metric and period.

    `limit` None means: no limit for this person. `period` is empty for concurrent jobs and only for those.
    """

    subject = models.CharField(max_length=10, choices=Subject.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="quotas"
    )
    project = models.ForeignKey(
        "projects.Project", on_delete=models.CASCADE, null=True, blank=True, related_name="quotas"
    )
    metric = models.CharField(max_length=16, choices=Metric.choices)
    period = models.CharField(max_length=5, choices=Period.choices, blank=True)
    limit = models.PositiveBigIntegerField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["subject", "metric", "period", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["subject", "user", "project", "metric", "period"], name="quota_once", nulls_distinct=False
            ),
            models.CheckConstraint(
                name="quota_subject",
                condition=models.Q(subject="user", user__isnull=False, project=None)
                | models.Q(subject="project", user=None, project__isnull=False)
                | models.Q(subject__in=("site", "every_user"), user=None, project=None),
            ),
            models.CheckConstraint(
                name="quota_period",
                condition=models.Q(metric="concurrent_jobs", period="")
                | (~models.Q(metric="concurrent_jobs") & models.Q(period__in=("day", "month"))),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_metric_display()}, {self.get_period_display().lower()}: {self.subject_name}"

    @property
    def subject_name(self) -> str:
        return str(self.user or self.project or Subject(self.subject).label)


class LedgerEntry(models.Model):
    """What a job was expected to use at most (`reserve`) and what it was measured to use (`settle`).

    Append-only by trigger. References are plain ids: the ledger outlives what it speaks of. `day` and `slot` of a
    settlement are those of its reservation, so that both are in the same total whatever the clock did meanwhile.
    """

    class Kind(models.TextChoices):
        RESERVE = "reserve"
        SETTLE = "settle"

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField(db_default=Now())
    kind = models.CharField(max_length=8, choices=Kind.choices)
    job_id = models.CharField(max_length=16)
    user_id = models.CharField(max_length=16, blank=True)
    project_id = models.CharField(max_length=16)
    model_id = models.CharField(max_length=80)
    day = models.DateField(help_text="of the submit, in UTC")
    slot = models.PositiveSmallIntegerField()
    tokens = models.BigIntegerField()
    images = models.BigIntegerField()
    device_ms = models.FloatField()
    cost_micros = models.BigIntegerField(help_text="millionths of the currency, at the price of the time")

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["job_id", "kind"], name="ledger_once")]
        indexes = [
            models.Index(
                fields=["day", "slot", "model_id"], condition=models.Q(kind="reserve"), name="ledger_reserved"
            ),
            # What the people of a project used is read from this index alone.
            models.Index(
                fields=["project_id", "day"],
                include=["user_id", "model_id", "tokens", "images", "device_ms", "cost_micros"],
                condition=models.Q(kind="settle"),
                name="ledger_of_project",
            ),
        ]


class UsageTotal(models.Model):
    """The ledger's sum for one subject (`user`, `project`, `site`), model and day, in one of several slots."""

    id = models.BigAutoField(primary_key=True)
    subject = models.CharField(max_length=10, choices=Subject.choices)
    subject_id = models.CharField(max_length=16, blank=True, help_text="empty for the site")
    model_id = models.CharField(max_length=80)
    day = models.DateField()
    slot = models.PositiveSmallIntegerField()
    jobs = models.BigIntegerField(db_default=0, help_text="settled")
    tokens = models.BigIntegerField(db_default=0)
    images = models.BigIntegerField(db_default=0)
    device_ms = models.FloatField(db_default=0.0)
    cost_micros = models.BigIntegerField(db_default=0)
    open_jobs = models.BigIntegerField(db_default=0, help_text="reserved and not settled yet")
    reserved_tokens = models.BigIntegerField(db_default=0)
    reserved_images = models.BigIntegerField(db_default=0)
    reserved_device_ms = models.FloatField(db_default=0.0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["subject", "subject_id", "day", "model_id", "slot"], name="usage_once")
        ]
        indexes = [
            models.Index(fields=["subject", "subject_id"], condition=models.Q(open_jobs__gt=0), name="usage_open"),
        ]


class RecentUse(models.Model):
    """Device time that a person used lately, halved with every half-life since `as_of`: for the order of the queue."""

    user_id = models.CharField(primary_key=True, max_length=16)
    device_ms = models.FloatField()
    as_of = models.DateTimeField()


class Price(models.Model):
    """What a device-second costs: for one model, or for all that have no price of their own (`hosted_model` None).

    The currency of the site's price holds for all.
    """

    hosted_model = models.OneToOneField(
        "catalog.HostedModel", on_delete=models.CASCADE, null=True, blank=True, related_name="price"
    )
    per_second = models.DecimalField(max_digits=12, decimal_places=6)
    currency = models.CharField(max_length=3, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["hosted_model"], name="price_once", nulls_distinct=False),
            models.CheckConstraint(name="price_not_negative", condition=models.Q(per_second__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.hosted_model or 'all models'}: {self.per_second} {self.currency}".strip()
