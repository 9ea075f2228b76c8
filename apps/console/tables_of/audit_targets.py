"""Where the targets of events are to be seen, for a reader who may see them."""

from __future__ import annotations

from collections.abc import Iterable

from django.urls import reverse

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.conversations.models import Conversation
from apps.projects.access import in_projects_of
from apps.prompts.models import Prompt
from apps.studio.models import Board


def add_addresses(events: Iterable[AuditEvent], user: User) -> None:
    """Sets `address` of those whose target has a page that `user` may open: a query for each kind that there is."""
    rows = list(events)
    found = _conversations(rows, user) | _boards(rows, user) | _prompts(rows, user)
    for row in rows:
        row.address = found.get(row.target_id, "")


def _conversations(rows: list[AuditEvent], user: User) -> dict[str, str]:
    ids = _ids(rows, "conversation")
    seen = in_projects_of(user, Conversation.objects.visible().filter(pk__in=ids)).values_list("pk", flat=True)
    return {pk: reverse("conversation", args=[pk]) for pk in seen} if ids else {}


def _boards(rows: list[AuditEvent], user: User) -> dict[str, str]:
    ids = _ids(rows, "board")
    seen = in_projects_of(user, Board.objects.filter(pk__in=ids)).values_list("pk", "project_id")
    return {pk: f"{reverse('studio', args=[project])}?board={pk}" for pk, project in seen} if ids else {}


def _prompts(rows: list[AuditEvent], user: User) -> dict[str, str]:
    ids = _ids(rows, "prompt")
    seen = Prompt.objects.visible_to(user).filter(pk__in=ids).values_list("pk", flat=True)
    return {pk: reverse("prompt", args=[pk]) for pk in seen} if ids else {}


def _ids(rows: list[AuditEvent], kind: str) -> set[str]:
    return {row.target_id for row in rows if row.target_type == kind}
