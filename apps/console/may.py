"""What one person may do, as the decisions of now say it: to look at, in nobody's name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allauth.usersessions.models import UserSession
from django.db.models import prefetch_related_objects

from apps.accounts.models import User
from apps.accounts.powers import Power, powers_of
from apps.api.models import ApiToken
from apps.catalog.models import USABLE_STATES, HostedModel
from apps.console.tables_of.people import role_name
from apps.governance.conditions import CONDITIONS, PERSONAL
from apps.governance.decisions import Decision, judge
from apps.governance.facts import Question, cases
from apps.governance.limits import LIMITS
from apps.projects.models import Membership, Project, Role
from apps.quotas import words
from apps.quotas.limits import applicable, standings
from apps.quotas.models import Subject
from apps.sharing.models import ShareLink

MAY_THERE = {
    Role.VIEWER: "Reads along; asks nothing",
    Role.EDITOR: "Reads, writes, asks models and makes pictures",
    Role.OWNER: "All that editors may; invites people, gives roles, deletes it",
}
ARCHIVED = "Archived: can be read, not continued"
MAY_HERE = {
    Power.SEE: "see the console",
    Power.SEE_AUDIT: "see the audit log",
    Power.SEE_REPORTS: "see reports",
    Power.GOVERN: "govern models, grants, requests, quotas and prices",
    Power.MODERATE: "decide about reports and appeals",
    Power.ADMINISTER: "change people, their roles and the settings of the site",
}
WHOSE = {Subject.USER: "Their own", Subject.PROJECT: "The project’s", Subject.SITE: "The site’s"}


@dataclass(frozen=True)
class Use:
    """How they stand to a model, in one place."""

    model: HostedModel
    decision: Decision

    @property
    def limits(self) -> list[str]:
        """ "Longest answer: 500 tokens"."""
        found = self.decision.limits.items()
        return [f"{LIMITS[name].label}: {most:,} {LIMITS[name].noun}" for name, most in found if name in LIMITS]


@dataclass(frozen=True)
class Left:
    """What is left of a quota that counts for them."""

    whose: str
    limit: str
    left: str
    renewal: str
    is_used_up: bool


def memberships_of(person: User) -> list[tuple[Membership, str]]:
    """Each with what it lets them do."""
    rows = Membership.objects.filter(user=person).select_related("project").order_by("project__name", "pk")
    return [(each, ARCHIVED if each.project.archived_at else MAY_THERE[Role(each.role)]) for each in rows]


def what_may(person: User, place: Project | None) -> dict[str, Any]:
    """What the page shows, in a constant number of queries. `place`: a project of theirs, or apart from any."""
    powers = powers_of(person)
    return {
        "role_name": role_name(person),
        "powers": [said for power, said in MAY_HERE.items() if power in powers],
        "uses": uses_of(person, place),
        "quotas": (quotas := quotas_of(person, place)),
        "nothing_left": any(each.is_used_up for each in quotas),
        "tokens": ApiToken.objects.live().filter(user=person).count(),
        "sessions": UserSession.objects.filter(user=person).count(),
        "links": ShareLink.objects.live().filter(created_by=person).count(),
    }


def uses_of(person: User, place: Project | None) -> list[Use]:
    """Of every model that ordinary people see, in the order of the catalogue."""
    models = HostedModel.objects.filter(state__in=USABLE_STATES, is_enabled=True).select_related("default_version")
    found = cases([Question(person, "generate", model, place) for model in models])
    conditions = CONDITIONS if place else PERSONAL
    uses = [Use(case.question.model, judge(case, conditions)) for case in found]
    prefetch_related_objects([use.decision.grant for use in uses if use.decision.grant], "group", "project", "user")
    return uses


def quotas_of(person: User, place: Project | None) -> list[Left]:
    found = standings(applicable(user_id=person.pk, project_id=place.pk if place else ""))
    return [
        Left(
            WHOSE[each.limit.subject],
            words.limit_in_words(each.limit),
            words.amount(each.limit.metric, each.left),
            words.renewal(each.limit),
            not each.left,
        )
        for each in found
    ]
