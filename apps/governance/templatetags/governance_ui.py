"""How somebody stands to a model, for the pages of rooms below this one."""

from __future__ import annotations

from typing import Any

from django import template

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.governance.decisions import decide, explain
from apps.governance.facts import Question
from apps.governance.models import AccessRequest, KillSwitch, RequestState
from apps.governance.remedies import remedy
from apps.governance.standings import projects_with_access
from apps.projects.access import projects_of
from apps.projects.models import Project
from apps.projects.recent import recent_project

register = template.Library()
ASKED_ABOUT = 50
"""Projects that are looked at for one in which a model may be used."""


@register.inclusion_tag("governance/_standing.html", takes_context=True)
def standing(context: dict[str, Any], user: User, model: HostedModel) -> dict[str, Any]:
    """May this person use it, in which projects, and if not: what can they do about it?"""
    decision = explain(actor=user, action="generate", model=model, project=None).decision
    waiting = AccessRequest.objects.filter(user=user, hosted_model=model, state=RequestState.OPEN).first()
    return {
        "model": model,
        "decision": decision,
        "remedy": remedy(decision, model),
        "waiting": waiting,
        "projects": [] if decision.allowed else projects_with_access(user, [model])[model.pk],
        "place": _place(user, model, recent_project(user, context["request"].session)),
        "csrf_token": context["csrf_token"],
    }


@register.simple_tag
def site_switch() -> KillSwitch | None:
    """The one that stops the whole site now."""
    return KillSwitch.objects.thrown().filter(hosted_model=None).first()


def _place(user: User, model: HostedModel, recent: Project | None) -> Project | None:
    """A project in which this person may use it now: the one they were in last where that is one."""
    others = projects_of(user).filter(archived_at=None).exclude(pk=recent.pk if recent else "")
    places = [*([recent] if recent else []), *others[:ASKED_ABOUT]]
    decisions = decide([Question(user, "generate", model, place) for place in places])
    return next((place for place, found in zip(places, decisions, strict=True) if found.allowed), None)
