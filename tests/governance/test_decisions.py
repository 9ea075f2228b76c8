"""What `authorize` says and costs. That it is right over all states of the world is in test_reference."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import User
from apps.catalog.models import HostedModel, ModelState
from apps.governance.decisions import Decision, authorize
from apps.governance.models import Grant, Subject
from apps.projects.models import Membership, Role
from tests.conversations.build import listed_model
from tests.world import World


@pytest.fixture
def mira(world: World) -> HostedModel:
    """Granted to everyone."""
    return listed_model("mira")


def ask(world: World, model: HostedModel, person: User | None = None) -> Decision:
    return authorize(actor=person or world.editor, action="generate", model=model, project=world.project)


def test_it_reads_the_role_anew_in_three_queries(world: World, mira: HostedModel) -> None:
    assert ask(world, mira).allowed
    Membership.objects.filter(user=world.editor).update(role=Role.VIEWER)
    with CaptureQueriesContext(connection) as queries:
        assert ask(world, mira).code == "role"
    assert len(queries) == 3


def test_reasons_name_what_they_are_about(world: World, mira: HostedModel) -> None:
    assert "Viewers of Lighthouse" in ask(world, mira, world.viewer).reason
    assert ask(world, mira).reason == "You are an editor of Lighthouse, and Mira is granted to everyone."
    mira.is_enabled = False
    assert "Mira is switched off" in ask(world, mira).reason
    mira.is_enabled, mira.default_version = True, None
    assert "Mira is not installed" in ask(world, mira).reason
    mira.state = ModelState.RETIRED
    assert ask(world, listed_model("other"), world.owner).allowed


def test_being_an_administrator_changes_nothing(world: World, mira: HostedModel) -> None:
    assert ask(world, mira, world.admin).code == "not_member"
    Grant.objects.all().delete()
    Membership.objects.create(user=world.admin, project=world.project, role=Role.OWNER)
    assert ask(world, mira, world.admin).code == "no_grant"


def test_the_grant_of_a_deleted_group_is_nobody_s(world: World, mira: HostedModel) -> None:
    Grant.objects.all().delete()
    readers = Group.objects.create(name="Readers")
    world.editor.groups.add(readers)
    Grant.objects.create(subject_type=Subject.GROUP, group=readers, hosted_model=mira)
    assert ask(world, mira).allowed
    assert ask(world, mira, world.owner).code == "no_grant"
    readers.delete()
    assert ask(world, mira).code == "no_grant"
    assert not Grant.objects.exists()


def test_no_clock_but_the_database_s_decides_on_expiry(world: World, mira: HostedModel) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE governance_grant SET expires_at = clock_timestamp() + interval '1 minute'")
        assert ask(world, mira).allowed
        cursor.execute("UPDATE governance_grant SET expires_at = clock_timestamp()")
    assert ask(world, mira).code == "grant_expired"
