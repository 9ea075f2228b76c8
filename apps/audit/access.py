"""The audit log is for the site's administrators; for others there is no such page."""

from __future__ import annotations

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet
from django.http import Http404

from apps.audit.models import AuditEvent


def get_events_for(user: AbstractBaseUser | AnonymousUser) -> QuerySet[AuditEvent]:
    """All events, newest first. Http404 for everyone but administrators."""
    if not getattr(user, "is_admin", False):
        raise Http404("There is no such page.")
    return AuditEvent.objects.order_by("-id")
