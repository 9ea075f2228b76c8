"""What the page of one person brings together from the other rooms."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q, Sum

from apps.accounts.models import User
from apps.api.models import ApiToken
from apps.console.tables_of.people import role_name
from apps.generations.models import GenerationJob
from apps.governance.models import Grant
from apps.projects.models import Membership


def about(person: User) -> dict[str, Any]:
    """A constant number of queries, whatever the person has done."""
    groups = list(person.groups.order_by("name"))
    grants = Grant.objects.live().filter(Q(user=person) | Q(group__in=groups)).order_by("hosted_model__name", "pk")
    memberships = Membership.objects.filter(user=person).select_related("project").order_by("project__name")
    used = GenerationJob.objects.filter(user=person).aggregate(
        jobs=Count("pk"), tokens=Sum("completion_tokens"), device_ms=Sum("device_ms")
    )
    return {
        "role_name": role_name(person),
        "groups": groups,
        "grants": list(grants.select_related("hosted_model", "model_version", "group", "project", "user")[:50]),
        "memberships": list(memberships[:50]),
        "tokens": ApiToken.objects.live().filter(user=person).count(),
        "used": {name: value or 0 for name, value in used.items()},
        "device_seconds": (used["device_ms"] or 0) / 1000,
    }
