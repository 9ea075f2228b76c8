"""More people than the world has, and quotas for them."""

from __future__ import annotations

from typing import Any

from apps.accounts.models import User
from apps.projects.models import Membership, Project, Role
from apps.quotas.models import Quota


def crowd(project: Project, number: int) -> list[User]:
    """So many new editors of a project."""
    people = User.objects.bulk_create(User(email=f"crowd{each}@example.org") for each in range(number))
    Membership.objects.bulk_create(Membership(project=project, user=user, role=Role.EDITOR) for user in people)
    return people


def quota(subject: str, metric: str, limit: int | None, period: str = "day", **whose: Any) -> Quota:
    period = "" if metric == "concurrent_jobs" else period
    return Quota.objects.create(subject=subject, metric=metric, period=period, limit=limit, **whose)
