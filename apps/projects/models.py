"""Project (the tenant), who belongs to it and in which role, and invitations to it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.accounts.models import User
from apps.lib.ids import new_id


class Role(models.IntegerChoices):
    """Ordered: a larger role may do all that a smaller one may."""

    VIEWER = 10, "Viewer"
    EDITOR = 20, "Editor"
    OWNER = 30, "Owner"


class Project(models.Model):
    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    name = models.CharField(max_length=80)
    description = models.CharField(max_length=280, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    archived_at = models.DateTimeField(null=True, blank=True)
    members = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Membership", related_name="projects")

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "user"], name="membership_once")]
        ordering = ["-role", "created_at", "id"]

    def __str__(self) -> str:
        return f"{self.user}, {self.role_name} of {self.project}"

    @property
    def role_name(self) -> str:
        """In lower case, as it stands in sentences."""
        return Role(self.role).label.lower()


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def open(self) -> Self:
        """Neither accepted, revoked nor expired, by the database's clock. One table: safe in a conditional update."""
        return self.filter(accepted_at=None, revoked_at=None, expires_at__gt=Now())

    def forget(self, person: User, addresses: Collection[str]) -> None:
        """Take a person's addresses out of them; what was not accepted ends, or it would be for anybody."""
        theirs = self.filter(Q(email__in=addresses) | Q(accepted_by=person))
        theirs.filter(accepted_at=None, revoked_at=None).update(revoked_at=Now())
        theirs.update(email="")


class Invitation(models.Model):
    """A link into a project. With `email`, only that person may accept it; without, whoever holds the link may."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="invitations")
    token_hash = models.CharField(max_length=64, unique=True)
    email = models.EmailField(blank=True)
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return f"{self.project}, {self.email or 'by link'}"

    @property
    def role_name(self) -> str:
        return Role(self.role).label.lower()

    def ended(self, now: datetime | None = None) -> str:
        """Why nobody can use it any more, as the end of a sentence; "" while it is open."""
        if self.accepted_at:
            return "has already been used"
        if self.revoked_at:
            return "was revoked"
        return "has expired" if self.expires_at <= (now or timezone.now()) else ""
