"""ApiToken: lets a person's programs use the API, inside one project."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from apps.lib.ids import new_id

MAX_NAME_CHARS = 80
HINT_CHARS = 4


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    def live(self) -> Self:
        """Neither revoked nor, by the database's clock, expired."""
        found = self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), revoked_at=None)
        longest: int | None = settings.API_TOKEN_DAYS
        return found if longest is None else found.filter(created_at__gt=Now() - timedelta(days=longest))


class ApiToken(models.Model):
    """What its holder does through the API counts as done by `user` in `project`: its rules, quotas and grants hold.

    Of the token only a hash is kept: it is shown once. `hint`, its last characters, is for recognising it.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=MAX_NAME_CHARS)
    token_hash = models.CharField(max_length=64, unique=True)
    hint = models.CharField(max_length=HINT_CHARS)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True, help_text="right to a minute")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    reader = ""
    """Of the Reader that waits for what is asked with it just now; not stored."""

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return self.name

    @property
    def until(self) -> datetime | None:
        """When it expires: also one that was made for longer than the site allows now."""
        longest: int | None = settings.API_TOKEN_DAYS
        if longest is None:
            return self.expires_at
        end = self.created_at + timedelta(days=longest)
        return min(self.expires_at, end) if self.expires_at else end

    def ended(self) -> str:
        """Why it opens nothing any more, as the end of a sentence; "" while it is live."""
        if self.revoked_at:
            return "was revoked"
        return "has expired" if self.until and self.until <= timezone.now() else ""


class ApiCall(models.Model):
    """Which token asked for a job: what accounts for programs, and what tells whose texts aren't kept for good."""

    job = models.OneToOneField(
        "generations.GenerationJob", on_delete=models.CASCADE, primary_key=True, related_name="api_call"
    )
    token = models.ForeignKey(ApiToken, on_delete=models.SET_NULL, null=True, related_name="calls")
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)
    pictures = models.JSONField(default=list, help_text="ids of those that its messages showed")
    reader = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="id of the Reader that waits for it"
    )
    erased_at = models.DateTimeField(null=True, blank=True, help_text="its texts and these pictures, after a while")


class Reader(models.Model):
    """A web process on which programs wait for their answers; there while `seen_at` is recent (database time)."""

    id = models.CharField(primary_key=True, max_length=64)
    seen_at = models.DateTimeField()
