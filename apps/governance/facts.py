"""What a decision is made from, read from the database: for one question or for many, in the same few queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Q

from apps.accounts.models import User
from apps.catalog.models import HostedModel, ModelVersion
from apps.governance.models import Grant, GrantQuerySet, KillSwitch, LicenceAcceptance, Subject
from apps.lib.compiled import CompiledQuery, IsAny, Parameter
from apps.projects.models import Membership, Project, Role

PEOPLE, PROJECTS, MODELS = Parameter("people"), Parameter("projects"), Parameter("models")


@dataclass(frozen=True, slots=True)
class Question:
    """May `actor` do `action` with `model`? Without `project`: apart from any project, by what is granted to them.

    `version` is the one in use where None is given; `params` are those that the person chose.
    """

    actor: User
    action: str
    model: HostedModel
    project: Project | None
    version: ModelVersion | None = None
    params: Mapping[str, Any] = field(default_factory=dict)

    @property
    def version_id(self) -> str | None:
        return self.version.pk if self.version else self.model.default_version_id

    @property
    def license_id(self) -> str:
        version = self.version or self.model.default_version
        return version.license_id if version else ""


@dataclass(frozen=True, slots=True)
class Case:
    """A question with all that its answer depends on."""

    question: Question
    role: Role | None
    site_switch: KillSwitch | None
    model_switch: KillSwitch | None
    grants: tuple[Grant, ...]
    """Live ones that are for this person, here, and for this version."""
    former: Grant | None
    """Where there are none: the newest that was, and ended."""
    accepted: bool
    """Whether the person accepted the licence; true where nobody has to."""


def cases(questions: Sequence[Question]) -> list[Case]:
    """In the order of the questions; three queries to seven, however many they are."""
    if not questions:
        return []
    roles, accepted = _roles(questions), _accepted(questions)
    switches = {switch.hosted_model_id: switch for switch in _switches(questions)}
    grants = _concerning(questions, LIVE)
    former = _former([question for question, found in zip(questions, grants, strict=True) if not found])
    return [
        Case(
            question=question,
            role=roles.get((question.actor.pk, question.project.pk)) if question.project else None,
            site_switch=switches.get(None),
            model_switch=switches.get(question.model.pk),
            grants=found,
            former=former.get(id(question)),
            accepted=not question.model.is_gated or _licence(question) in accepted,
        )
        for question, found in zip(questions, grants, strict=True)
    ]


# Asked at every send and every claim.
ROLES = CompiledQuery(
    lambda: (
        Membership.objects.filter(IsAny("user", PEOPLE), IsAny("project", PROJECTS), user__is_active=True)
        .order_by()
        .values_list("user_id", "project_id", "role")
    )
)
SWITCHES = CompiledQuery(
    lambda: KillSwitch.objects.thrown().filter(Q(hosted_model=None) | Q(IsAny("hosted_model", MODELS))).order_by()
)


def _about(grants: GrantQuerySet) -> GrantQuerySet:
    """Those that may be about these people, projects and models, the newest first."""
    subjects = Q(subject_type__in=(Subject.EVERYONE, Subject.GROUP))
    subjects |= Q(IsAny("user", PEOPLE)) | Q(IsAny("project", PROJECTS))
    return grants.filter(subjects, IsAny("hosted_model", MODELS)).order_by("-created_at", "pk")


LIVE = CompiledQuery(lambda: _about(Grant.objects.live()))
OVER = CompiledQuery(lambda: _about(Grant.objects.over()))


def _roles(questions: Sequence[Question]) -> dict[tuple[str, str], Role]:
    """Read anew: roles change. A deactivated member has none."""
    projects = _projects(questions)
    if not projects:
        return {}
    rows = ROLES.rows(people=_people(questions), projects=projects)
    return {(user, project): Role(role) for user, project, role in rows}


def _switches(questions: Sequence[Question]) -> list[KillSwitch]:
    return SWITCHES.all(models=_models(questions))


def _concerning(questions: Sequence[Question], grants: CompiledQuery[Grant]) -> list[tuple[Grant, ...]]:
    """For each question those of `grants` that are about it, the newest first."""
    people = _people(questions)
    found = grants.all(people=people, projects=_projects(questions), models=_models(questions))
    groups = _memberships_of_groups(people, found)
    return [tuple(grant for grant in found if _concerns(grant, question, groups)) for question in questions]


def _former(questions: Sequence[Question]) -> dict[int, Grant]:
    """By the identity of the question."""
    if not questions:
        return {}
    over = _concerning(questions, OVER)
    return {id(question): grants[0] for question, grants in zip(questions, over, strict=True) if grants}


def _people(questions: Sequence[Question]) -> list[str]:
    return list({question.actor.pk for question in questions})


def _projects(questions: Sequence[Question]) -> list[str]:
    return list({question.project.pk for question in questions if question.project})


def _models(questions: Sequence[Question]) -> list[str]:
    return list({question.model.pk for question in questions})


def _memberships_of_groups(people: Iterable[str], grants: Iterable[Grant]) -> set[tuple[str, int]]:
    """(person, group) where the person is in the group, of those groups that any of `grants` is for."""
    groups = {grant.group_id for grant in grants if grant.group_id is not None}
    if not groups:
        return set()
    rows = User.groups.through.objects.filter(user__in=set(people), group__in=groups)
    return set(rows.values_list("user_id", "group_id"))


def _accepted(questions: Sequence[Question]) -> set[tuple[str, str, str]]:
    gated = [question for question in questions if question.model.is_gated]
    if not gated:
        return set()
    rows = LicenceAcceptance.objects.filter(
        user__in={question.actor.pk for question in gated}, hosted_model__in={question.model.pk for question in gated}
    )
    return set(rows.values_list("user_id", "hosted_model_id", "license_id"))


def _licence(question: Question) -> tuple[str, str, str]:
    return question.actor.pk, question.model.pk, question.license_id


def _concerns(grant: Grant, question: Question, groups: set[tuple[str, int]]) -> bool:
    if grant.hosted_model_id != question.model.pk or grant.model_version_id not in {None, question.version_id}:
        return False
    match grant.subject_type:
        case Subject.EVERYONE:
            return True
        case Subject.USER:
            return grant.user_id == question.actor.pk
        case Subject.PROJECT:
            return question.project is not None and grant.project_id == question.project.pk
        case Subject.GROUP:
            return (question.actor.pk, grant.group_id) in groups
    return False
