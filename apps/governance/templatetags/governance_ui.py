"""How somebody stands to a model, for the pages of rooms below this one."""

from __future__ import annotations

from typing import Any

from django import template

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.governance.decisions import explain
from apps.governance.models import AccessRequest, Grant, KillSwitch, RequestState, Subject
from apps.governance.remedies import remedy
from apps.projects.models import Role

register = template.Library()


@register.inclusion_tag("governance/_standing.html")
def standing(user: User, model: HostedModel) -> dict[str, Any]:
    """May this person use it, in which projects, and if not: what can they do about it?"""
    decision = explain(actor=user, action="generate", model=model, project=None).decision
    waiting = AccessRequest.objects.filter(user=user, hosted_model=model, state=RequestState.OPEN).first()
    return {
        "model": model,
        "decision": decision,
        "remedy": remedy(decision, model),
        "waiting": waiting,
        "projects": [] if decision.allowed else _projects_with_access(user, model),
    }


@register.simple_tag
def site_switch() -> KillSwitch | None:
    """The one that stops the whole site now."""
    return KillSwitch.objects.thrown().filter(hosted_model=None).first()


def _projects_with_access(user: User, model: HostedModel) -> list[str]:
    """Names of this person's projects to which the model is granted, where they may ask."""
    rows = Grant.objects.live().filter(subject_type=Subject.PROJECT, hosted_model=model, project__archived_at=None)
    mine = rows.filter(project__memberships__user=user, project__memberships__role__gte=Role.EDITOR)
    return sorted(set(mine.values_list("project__name", flat=True)))
