"""ShareLink: shows one thing to whoever has its address, until it expires or is revoked."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from apps.lib.ids import new_id

MAX_LABEL_CHARS = 200


class ShareLinkQuerySet(models.QuerySet["ShareLink"]):
    def live(self) -> Self:
        """Those that still open something: neither revoked nor, by the database's clock, expired."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=Now()), revoked_at=None)

    def to(self, kind: str, target_id: str) -> Self:
        """All links to one thing, dead ones too."""
        return self.filter(kind=kind, target_id=target_id)


class ShareLink(models.Model):
    """The right to read one thing without an account. Of its token only a hash is kept: the address is shown once.

    `kind` and `target_id` name the thing (`apps/sharing/kinds.py`); the room it belongs to finds it, and answers 404
    where it is gone. `project` is where it comes from, so that owners of that project can revoke the link too.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    token_hash = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=40)
    target_id = models.CharField(max_length=64)
    label = models.CharField(max_length=MAX_LABEL_CHARS, blank=True, help_text="what the thing was called at the time")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="share_links")
    project = models.ForeignKey(
        "projects.Project", on_delete=models.CASCADE, null=True, blank=True, related_name="share_links"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    opened = models.PositiveIntegerField(default=0, help_text="how often its page was read")
    opened_at = models.DateTimeField(null=True, blank=True, help_text="when it was read last")

    objects = ShareLinkQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["kind", "target_id"], name="sharelink_target")]

    def __str__(self) -> str:
        return self.label or f"shared {self.kind}"
