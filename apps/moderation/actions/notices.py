"""A person's own notices. Nobody else is touched by these, so they are not in the audit log."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models.functions import Now

from apps.accounts.models import User
from apps.moderation.models import Notice


def mark_read(*, user: User, notices: Iterable[Notice]) -> None:
    shown = [notice.pk for notice in notices if notice.read_at is None]
    if shown:
        Notice.objects.filter(user=user, pk__in=shown, read_at=None).update(read_at=Now())


def dismiss(*, notice: Notice) -> None:
    Notice.objects.filter(pk=notice.pk, dismissed_at=None).update(dismissed_at=Now())


def dismiss_all(*, user: User) -> int:
    """All that were read: one that came meanwhile stays."""
    return Notice.objects.filter(user=user, dismissed_at=None).exclude(read_at=None).update(dismissed_at=Now())
