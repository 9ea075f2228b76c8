"""How one person stands to the models of the catalogue, apart from any project."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.governance.conditions import PERSONAL
from apps.governance.decisions import Decision, judge
from apps.governance.facts import Question, cases
from apps.governance.models import AccessRequest, Grant, RequestState, Subject
from apps.governance.remedies import ASKABLE
from apps.projects.models import Role


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


def standings(user: User, models: Sequence[HostedModel]) -> list[Standing]:
    """In the order of `models`; as many queries for all of them as for one."""
    found = cases([Question(user, "generate", model, None) for model in models])
    granted = projects_with_access(user, models)
    rows = AccessRequest.objects.filter(user=user, state=RequestState.OPEN)
    waiting = set(rows.values_list("hosted_model_id", flat=True))
    return [_standing(case.question.model, judge(case, PERSONAL), granted, waiting) for case in found]


def _standing(model: HostedModel, decision: Decision, granted: dict[str, list[str]], waiting: set[str]) -> Standing:
    projects = granted[model.pk] if decision.code in ASKABLE else []
    return Standing(model, decision, projects, model.pk in waiting)


def projects_with_access(user: User, models: Sequence[HostedModel]) -> dict[str, list[str]]:
    """By model: names of this person's projects to which it is granted, where they may ask."""
    rows = Grant.objects.live().filter(subject_type=Subject.PROJECT, hosted_model__in=models, project__archived_at=None)
    mine = rows.filter(project__memberships__user=user, project__memberships__role__gte=Role.EDITOR)
    found = defaultdict[str, list[str]](list)
    for model_id, name in sorted(set(mine.values_list("hosted_model_id", "project__name"))):
        found[model_id].append(name)
    return found
