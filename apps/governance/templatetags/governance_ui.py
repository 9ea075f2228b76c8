"""How somebody stands to a model, for the pages of rooms below this one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

from django import template

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.governance.conditions import PERSONAL
from apps.governance.decisions import Decision, decide, explain, judge
from apps.governance.facts import Question, cases
from apps.governance.models import AccessRequest, Grant, KillSwitch, RequestState, Subject
from apps.governance.remedies import ASKABLE, remedy
from apps.projects.access import projects_of
from apps.projects.models import Project, Role
from apps.projects.recent import recent_project

register = template.Library()
ASKED_ABOUT = 50
"""Projects that are looked at for one in which a model may be used."""


class Standing(NamedTuple):
    """Of one person to one model, as its card in the catalogue tells it."""

    model: HostedModel
    decision: Decision
    projects: list[str]
    waiting: bool

    @property
    def may_ask(self) -> bool:
        """Whether it is only a grant that is missing."""
        return self.decision.code in ASKABLE


@register.simple_tag
def standings(user: User, models: Sequence[HostedModel]) -> list[Standing]:
    """In the order of `models`; as many queries for all of them as for one."""
    found = cases([Question(user, "generate", model, None) for model in models])
    granted = _projects_with_access(user, models)
    rows = AccessRequest.objects.filter(user=user, state=RequestState.OPEN)
    waiting = set(rows.values_list("hosted_model_id", flat=True))
    return [_standing(case.question.model, judge(case, PERSONAL), granted, waiting) for case in found]


def _standing(model: HostedModel, decision: Decision, granted: dict[str, list[str]], waiting: set[str]) -> Standing:
    projects = granted[model.pk] if decision.code in ASKABLE else []
    return Standing(model, decision, projects, model.pk in waiting)


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
        "projects": [] if decision.allowed else _projects_with_access(user, [model])[model.pk],
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


def _projects_with_access(user: User, models: Sequence[HostedModel]) -> dict[str, list[str]]:
    """By model: names of this person's projects to which it is granted, where they may ask."""
    rows = Grant.objects.live().filter(subject_type=Subject.PROJECT, hosted_model__in=models, project__archived_at=None)
    mine = rows.filter(project__memberships__user=user, project__memberships__role__gte=Role.EDITOR)
    found = defaultdict[str, list[str]](list)
    for model_id, name in sorted(set(mine.values_list("hosted_model_id", "project__name"))):
        found[model_id].append(name)
    return found
