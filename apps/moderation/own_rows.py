"""What a person takes with them from this room, and what goes when an account is deleted."""

from __future__ import annotations

from typing import Any

from apps.accounts.deletion import register_deletion_hook
from apps.accounts.export import register_exporter
from apps.accounts.models import User
from apps.moderation.models import Appeal, Case, Notice, Report

Rows = list[dict[str, Any]]


def reports_sent(user: User) -> Rows:
    sent = Report.objects.filter(reporter=user)
    return [
        dict(row) for row in sent.values("case__kind", "case__thing_id", "reason", "text", "created_at", "closed_at")
    ]


def notices(user: User) -> Rows:
    return [
        dict(row) for row in Notice.objects.filter(user=user).values("title", "text", "url", "created_at", "read_at")
    ]


def appeals(user: User) -> Rows:
    made = Appeal.objects.filter(decision__case__author=user)
    return [
        dict(row) for row in made.values("decision__case__kind", "text", "state", "created_at", "answer", "answered_at")
    ]


def forget_what_they_wrote(user: User) -> None:
    """Cases outlive their author as ids: the copied words go. A reporter's words stay, without a name."""
    Case.objects.filter(author=user).update(label="", excerpt="")
    Appeal.objects.filter(decision__case__author=user).update(text="")


def register() -> None:
    for exporter in (reports_sent, notices, appeals):
        register_exporter(exporter.__name__, exporter)
    register_deletion_hook(forget_what_they_wrote)
