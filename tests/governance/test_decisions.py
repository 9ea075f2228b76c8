"""`authorize` against a slow, independent reading of the rules, over every state that the world can be in."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.catalog.models import HostedModel
from apps.governance.decisions import Decision, authorize
from apps.projects.models import Membership, Role
from tests.world import World


class Person(NamedTuple):
    active: bool
    role: Role | None
    admin: bool


class Question(NamedTuple):
    action: str = "generate"
    archived: bool = False
    enabled: bool = True
    installed: bool = True


BOTH = (True, False)
PEOPLE = [Person(*each) for each in itertools.product(BOTH, (None, *Role), BOTH)]
QUESTIONS = [Question(*each) for each in itertools.product(("generate", "delete", ""), BOTH, BOTH, BOTH)]
CONDITIONS = {
    "unknown_action": lambda person, question: question.action == "generate",
    "inactive": lambda person, question: person.active,
    "not_member": lambda person, question: person.role is not None,
    "role": lambda person, question: person.role in {None, Role.EDITOR, Role.OWNER},
    "archived": lambda person, question: not question.archived,
    "model_disabled": lambda person, question: question.enabled,
    "model_missing": lambda person, question: question.installed,
}


def become(world: World, person: Person) -> None:
    """Make the stranger of this world that person; a role is written where `authorize` must look for it."""
    world.stranger.is_active, world.stranger.is_superuser = person.active, person.admin
    world.stranger.save()
    Membership.objects.filter(user=world.stranger).delete()
    if person.role:
        Membership.objects.create(user=world.stranger, project=world.project, role=person.role)


def ask(world: World, question: Question) -> Decision:
    world.project.archived_at = timezone.now() if question.archived else None
    version = "v" * 16 if question.installed else None
    model = HostedModel(id="m", name="Mira", is_enabled=question.enabled, default_version_id=version)
    return authorize(actor=world.stranger, action=question.action, model=model, project=world.project)


def every_decision(world: World) -> dict[tuple[Person, Question], Decision]:
    decisions = {}
    for person in PEOPLE:
        become(world, person)
        decisions |= {(person, question): ask(world, question) for question in QUESTIONS}
    return decisions


def test_every_state_of_the_world(world: World) -> None:
    decisions = every_decision(world)
    assert len(decisions) == 2 * 4 * 2 * 3 * 2 * 2 * 2
    for (person, question), decision in decisions.items():
        broken = [code for code, holds in CONDITIONS.items() if not holds(person, question)]
        assert decision.allowed == (not broken), (person, question)
        assert decision.code == (broken[0] if broken else "allowed"), (person, question)
        assert decision.reason.endswith("."), (person, question)
        other = person._replace(admin=not person.admin)
        assert decision == decisions[other, question], "being an administrator changed something"


def test_it_reads_the_role_anew_in_one_query(world: World) -> None:
    become(world, Person(True, Role.EDITOR, False))
    assert ask(world, Question()).allowed
    Membership.objects.filter(user=world.stranger).update(role=Role.VIEWER)
    with CaptureQueriesContext(connection) as queries:
        decision = ask(world, Question())
    assert decision.code == "role"
    assert len(queries) == 1


def test_reasons_name_what_they_are_about(world: World) -> None:
    become(world, Person(True, Role.VIEWER, False))
    assert "Lighthouse" in ask(world, Question()).reason
    become(world, Person(True, Role.OWNER, False))
    assert "Mira is switched off" in ask(world, Question(enabled=False)).reason
    assert "Mira is not installed" in ask(world, Question(installed=False)).reason


@pytest.mark.parametrize("role", [Role.EDITOR, Role.OWNER])
def test_editors_and_owners_may_generate(world: World, role: Role) -> None:
    become(world, Person(True, role, False))
    assert ask(world, Question()).allowed
