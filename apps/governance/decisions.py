"""The one place that says who may do what with a model, and why. It denies unless every condition holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import prefetch_related_objects

from apps.accounts.models import User
from apps.catalog.models import HostedModel, ModelVersion
from apps.governance.conditions import CONDITIONS, PERSONAL, Condition, Outcome, best_grant
from apps.governance.facts import Case, Question, cases
from apps.governance.models import Grant, Subject
from apps.projects.models import Project, Role

TO = {
    Subject.EVERYONE: "everyone",
    Subject.GROUP: "a group of yours",
    Subject.PROJECT: "this project",
    Subject.USER: "you",
}


@dataclass(frozen=True)
class Decision:
    """`reason` is a sentence for the person; `code` is for programs and never changes its meaning.

    Where it is allowed, `grant` is the one that permits it, and `limits` are the largest values of parameters.
    """

    allowed: bool
    reason: str
    code: str
    grant: Grant | None = None
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Explanation:
    """The decision, and how each of its conditions stands: all of them, also behind the first that doesn't hold."""

    decision: Decision
    outcomes: list[Outcome]


def authorize(
    *,
    actor: User,
    action: str,
    model: HostedModel,
    project: Project,
    params: Mapping[str, Any] | None = None,
    version: ModelVersion | None = None,
) -> Decision:
    """Whether `actor` may do `action` with `model`, or with `version` of it, in `project`. Reads anew what can change
    but the rows that it is given; changes nothing. `params`: those that the person chose, to be held to limits."""
    return decide([Question(actor, action, model, project, version, params or {})])[0]


def explain(
    *,
    actor: User,
    action: str,
    model: HostedModel,
    project: Project | None,
    params: Mapping[str, Any] | None = None,
    version: ModelVersion | None = None,
) -> Explanation:
    """As `authorize`, with every condition; without a project, how `actor` stands apart from any. In the console
    `actor` is who is asked about, not who asks."""
    case = cases([Question(actor, action, model, project, version, params or {})])[0]
    prefetch_related_objects([*case.grants, *filter(None, [case.former])], "group", "project", "user")
    conditions = CONDITIONS if project else PERSONAL
    return Explanation(judge(case, conditions), [condition(case) for condition in conditions])


def decide(questions: Sequence[Question]) -> list[Decision]:
    """Many at once, in as few queries as one: for pickers, and for a worker's running jobs."""
    return [judge(case) for case in cases(questions)]


def judge(case: Case, conditions: Sequence[Condition] = CONDITIONS) -> Decision:
    for condition in conditions:
        outcome = condition(case)
        if not outcome.holds:
            return Decision(False, outcome.reason, outcome.code)
    grant = best_grant(case.grants, case.question.params)
    assert grant is not None, "a condition sees to it"
    return Decision(True, _why(case, grant), "allowed", grant, grant.max_params)


def _why(case: Case, grant: Grant) -> str:
    model, to = case.question.model, TO[Subject(grant.subject_type)]
    if case.role is None:
        return f"{model} is granted to {to}."
    role = "an owner" if case.role == Role.OWNER else "an editor"
    return f"You are {role} of {case.question.project}, and {model} is granted to {to}."
