"""A plain world in the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group
from django.utils import timezone

from apps.accounts.models import User
from apps.catalog.models import HostedModel, ModelVersion
from apps.governance.facts import Question
from apps.governance.models import Grant, KillSwitch, LicenceAcceptance
from apps.projects.models import Membership, Project
from tests.governance.random_worlds import GROUPS, PlainGrant, PlainModel, PlainQuestion, PlainWorld

HOUR = timedelta(hours=1)


@dataclass
class Built:
    people: list[User]
    groups: list[Group]
    projects: list[Project]
    models: list[HostedModel]
    versions: list[list[ModelVersion]]

    def question(self, plain: PlainQuestion) -> Question:
        return Question(
            actor=self.people[plain.person],
            action=plain.action,
            model=self.models[plain.model],
            project=self.projects[plain.project],
            version=None if plain.version is None else self.versions[plain.model][plain.version],
            params={} if plain.wanted is None else {"max_tokens": plain.wanted, "temperature": 0.5},
        )


def build(world: PlainWorld) -> Built:
    """Row by row, past every action."""
    now = timezone.now()
    people = [
        User.objects.create(email=f"p{number}@example.org", is_active=person.active)
        for number, person in enumerate(world.people)
    ]
    groups = [Group.objects.create(name=f"g{number}") for number in GROUPS]
    projects = [
        Project.objects.create(name=f"P{number}", archived_at=now if archived else None)
        for number, archived in enumerate(world.archived)
    ]
    for user, plain in zip(people, world.people, strict=True):
        user.groups.set([groups[number] for number in plain.groups])
        for project, role in zip(projects, plain.roles, strict=True):
            if role is not None:
                Membership.objects.create(user=user, project=project, role=role)
    built = Built(people, groups, projects, [], [])
    for number, model in enumerate(world.models):
        _add_model(built, number, model)
    for user, plain in zip(people, world.people, strict=True):
        for number, licence in plain.accepted:
            LicenceAcceptance.objects.create(user=user, hosted_model=built.models[number], license_id=licence)
    for grant in world.grants:
        _add_grant(built, grant)
    if world.site_stopped:
        KillSwitch.objects.create(message="Flood.")
    return built


def _add_model(built: Built, number: int, plain: PlainModel) -> None:
    model = HostedModel.objects.create(
        pk=f"m{number}", name=f"M{number}", state=plain.state, is_enabled=plain.enabled, is_gated=plain.gated
    )
    versions = [
        ModelVersion.objects.create(
            hosted_model=model, digest=f"{number}{index}", size_bytes=1, license_id=licence, context_length=9
        )
        for index, licence in enumerate(plain.licences)
    ]
    model.default_version = None if plain.default is None else versions[plain.default]
    model.save()
    if plain.stopped:
        KillSwitch.objects.create(hosted_model=model, message="Smoke.")
        KillSwitch.objects.create(hosted_model=model, message="Over.", released_at=timezone.now())
    built.models.append(model)
    built.versions.append(versions)


def _add_grant(built: Built, plain: PlainGrant) -> None:
    subjects: dict[str, dict[str, Any]] = {
        "everyone": {},
        "group": {"group": built.groups[plain.whom]},
        "project": {"project": built.projects[plain.whom]},
        "user": {"user": built.people[plain.whom]},
    }
    now = timezone.now()
    Grant.objects.create(
        subject_type=plain.kind,
        **subjects[plain.kind],
        hosted_model=built.models[plain.model],
        model_version=None if plain.version is None else built.versions[plain.model][plain.version],
        max_params={} if plain.most is None else {"max_tokens": plain.most},
        expires_at=now - HOUR if "expired" in plain.lifetime else now + HOUR if plain.lifetime == "later" else None,
        revoked_at=now if "revoked" in plain.lifetime else None,
    )
