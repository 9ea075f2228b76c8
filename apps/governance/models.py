"""Who may use which model: Grant, AccessRequest, LicenceAcceptance, and KillSwitch, which stops what was permitted."""

from __future__ import annotations

from functools import reduce
from operator import or_
from typing import Any, Self

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models.functions import Now

from apps.lib.ids import new_id


class Subject(models.TextChoices):
    """Whom a grant is for."""

    EVERYONE = "everyone", "Everyone"
    GROUP = "group", "Group"
    PROJECT = "project", "Project"
    USER = "user", "Person"


SUBJECT_COLUMNS = ("group", "project", "user")


def _one_subject() -> models.Q:
    """The column that the type names is filled, the others are empty; for everyone all are."""
    kinds = []
    for kind in Subject:
        filled: dict[str, Any] = {f"{column}__isnull": column != kind for column in SUBJECT_COLUMNS}
        kinds.append(models.Q(subject_type=kind.value, **filled))
    return reduce(or_, kinds)


class GrantQuerySet(models.QuerySet["Grant"]):
    def live(self) -> Self:
        """Neither revoked nor expired, by the database's clock. One table: safe in a conditional update."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=Now()), revoked_at=None)

    def over(self) -> Self:
        return self.filter(models.Q(expires_at__lte=Now()) | models.Q(revoked_at__isnull=False))


class Grant(models.Model):
    """Permits its subject the use of one HostedModel, of any version of it or only of `model_version`.

    A grant goes with its subject: that of a deleted group permits nobody anything. It never changes but to be revoked.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    subject_type = models.CharField(max_length=8, choices=Subject.choices)
    group = models.ForeignKey(Group, on_delete=models.CASCADE, null=True, blank=True, related_name="grants")
    project = models.ForeignKey(
        "projects.Project", on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    hosted_model = models.ForeignKey("catalog.HostedModel", on_delete=models.CASCADE, related_name="grants")
    model_version = models.ForeignKey(
        "catalog.ModelVersion", on_delete=models.CASCADE, null=True, blank=True, related_name="grants"
    )
    max_params = models.JSONField(default=dict, help_text='largest values allowed: {"max_tokens": 512}')
    note = models.CharField(max_length=280, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = GrantQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [models.CheckConstraint(condition=_one_subject(), name="grant_one_subject")]
        indexes = [
            models.Index(
                fields=["hosted_model", "subject_type"], condition=models.Q(revoked_at=None), name="grant_unrevoked"
            )
        ]

    def __str__(self) -> str:
        return f"{self.hosted_model_id} for {self.subject_label}"

    @property
    def subject_label(self) -> str:
        """In a sentence: everyone, the group Readers, the project Tides, Ada."""
        if self.subject_type == Subject.EVERYONE:
            return "everyone"
        subject = self.group or self.project or self.user
        noun = {Subject.GROUP: "the group ", Subject.PROJECT: "the project "}.get(Subject(self.subject_type), "")
        return f"{noun}{subject}"

    @property
    def subject_id(self) -> str:
        """Of the group, project or person; "" for everyone."""
        return str(self.group_id or self.project_id or self.user_id or "")


class RequestState(models.TextChoices):
    OPEN = "open", "Waiting"
    APPROVED = "approved", "Approved"
    DECLINED = "declined", "Declined"
    WITHDRAWN = "withdrawn", "Withdrawn"


class AccessRequest(models.Model):
    """A person asks for the use of a model; whoever governs the site approves with a grant, or declines with a word."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_requests")
    hosted_model = models.ForeignKey("catalog.HostedModel", on_delete=models.CASCADE, related_name="access_requests")
    project = models.ForeignKey(
        "projects.Project", on_delete=models.SET_NULL, null=True, blank=True, related_name="access_requests"
    )
    reason = models.CharField(max_length=500, blank=True)
    state = models.CharField(max_length=10, choices=RequestState.choices, default=RequestState.OPEN)
    answer = models.CharField(max_length=500, blank=True, help_text="the approver's word to the person")
    created_at = models.DateTimeField(auto_now_add=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    grant = models.ForeignKey(Grant, on_delete=models.SET_NULL, null=True, blank=True, related_name="requests")

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["user", "hosted_model"], condition=models.Q(state="open"), name="access_request_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.user} for {self.hosted_model_id}"

    @property
    def is_open(self) -> bool:
        return self.state == RequestState.OPEN


class LicenceAcceptance(models.Model):
    """A person accepted the licence of a gated model. A version under another licence is to be accepted anew."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="licence_acceptances")
    hosted_model = models.ForeignKey("catalog.HostedModel", on_delete=models.CASCADE, related_name="acceptances")
    license_id = models.CharField(max_length=80)
    accepted_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-accepted_at"]
        constraints = [
            models.UniqueConstraint(fields=["user", "hosted_model", "license_id"], name="licence_accepted_once")
        ]

    def __str__(self) -> str:
        return f"{self.license_id} of {self.hosted_model_id}"


class KillSwitchQuerySet(models.QuerySet["KillSwitch"]):
    def thrown(self) -> Self:
        return self.filter(released_at=None)


class KillSwitch(models.Model):
    """Stops one model, or without one the whole site, until it is released. People read `message`."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    hosted_model = models.ForeignKey(
        "catalog.HostedModel", on_delete=models.CASCADE, null=True, blank=True, related_name="kill_switches"
    )
    message = models.CharField(max_length=280)
    thrown_at = models.DateTimeField(auto_now_add=True)
    thrown_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    released_at = models.DateTimeField(null=True, blank=True)
    released_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )

    objects = KillSwitchQuerySet.as_manager()

    class Meta:
        ordering = ["-thrown_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["hosted_model"],
                condition=models.Q(released_at=None),
                nulls_distinct=False,
                name="kill_switch_thrown_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.hosted_model_id or 'the site'}: {self.message}"
