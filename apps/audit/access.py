"""Who reads the audit log: `apps.accounts`, which knows people and their powers, says so when it starts."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import QuerySet
from django.http import Http404

from apps.audit.models import AuditEvent

Check = Callable[[AbstractBaseUser | AnonymousUser], None]
_checks: list[Check] = []


def allow_readers(check: Check) -> None:
    """`check(user)` raises Http404 or PermissionDenied for who may not read the log."""
    _checks[:] = [check]


def get_events_for(user: AbstractBaseUser | AnonymousUser) -> QuerySet[AuditEvent]:
    """All events, newest first. Raises what the check raises; Http404 for everyone while there is none."""
    if not _checks:
        raise Http404("There is no such page.")
    _checks[0](user)
    return AuditEvent.objects.order_by("-id")
