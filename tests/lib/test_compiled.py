"""A compiled query finds what its QuerySet finds, with other values each time."""

from __future__ import annotations

import threading

import pytest
from django.db import connection
from django.db.models import F, QuerySet
from django.test.utils import CaptureQueriesContext

from apps.conversations.models import Conversation
from apps.lib.compiled import CompiledInsert, CompiledQuery, IsAny, Parameter
from apps.projects.models import Membership, Project, Role
from tests.world import World

BY_EMAIL = CompiledQuery(
    lambda: (
        Membership.objects.filter(user__email=Parameter("email"))
        .select_related("user", "project")
        .annotate(name=F("user__display_name"))
    )
)
OF_PEOPLE = CompiledQuery(
    lambda: (
        Membership.objects.filter(IsAny("user", Parameter("people")), role__gte=Role.EDITOR)
        .order_by("-role")
        .values_list("user__email", "role")
    )
)
IN_PROJECT = CompiledQuery(
    lambda: (
        Conversation.objects.filter(project=Parameter("project"))
        .select_related("hosted_model__default_version", "created_by")
        .defer("system_prompt")
    )
)


def test_instances_come_with_relations_and_annotations_in_one_query(world: World) -> None:
    for person, role in ((world.owner, Role.OWNER), (world.viewer, Role.VIEWER)):
        with CaptureQueriesContext(connection) as queries:
            (found,) = BY_EMAIL.all(email=person.email)
            assert (found.user.email, found.project.name) == (person.email, "Lighthouse")
            assert (found.role, found.name) == (role, person.display_name)
        assert len(queries) == 1
        assert found == Membership.objects.get(user=person)
        assert not found._state.adding


def test_first_is_none_where_nothing_is_found(world: World) -> None:
    assert BY_EMAIL.first(email=world.owner.email) == Membership.objects.get(user=world.owner)
    assert BY_EMAIL.first(email=world.stranger.email) is None
    assert BY_EMAIL.first(email="' OR true --") is None


def test_columns_and_lists_of_values(world: World) -> None:
    people = [world.viewer.pk, world.editor.pk, world.stranger.pk, world.owner.pk]
    both = [["owner@example.org", Role.OWNER], ["editor@example.org", Role.EDITOR]]
    assert OF_PEOPLE.rows(people=people) == both
    assert OF_PEOPLE.rows(people=people[:2]) == both[1:]
    assert OF_PEOPLE.rows(people=[]) == []
    with pytest.raises(TypeError, match="values_list"):
        OF_PEOPLE.all(people=people)


def test_converted_and_deferred_columns_and_relations_that_are_empty(world: World) -> None:
    params = {"stop": ["\n"], "temperature": 0.5}
    Conversation.objects.create(project=world.project, params=params, system_prompt="Be brief.")
    (found,) = IN_PROJECT.all(project=world.project.pk)
    with CaptureQueriesContext(connection) as queries:
        assert found.params == params
        assert found.hosted_model is found.created_by is None
    assert not queries.captured_queries
    assert found.get_deferred_fields() == {"system_prompt"}
    assert found.system_prompt == "Be brief."


def test_what_never_changes_is_part_of_the_statement(world: World) -> None:
    """The planner must know it: an index over some rows serves only a query that says so."""
    Conversation.objects.create(project=world.project, title="50 %s off")
    named = CompiledQuery(
        lambda: Conversation.objects.filter(project=Parameter("project"), title="50 %s off", archived_at=None)[:2]
    )
    (found,) = named.all(project=world.project.pk)
    assert found.title == "50 %s off"
    assert named._made.sql.count("%s") == named._made.sql.count("%%s") + 1
    assert "LIMIT 2" in named._made.sql


def test_a_value_that_is_missing_is_an_error(world: World) -> None:
    with pytest.raises(KeyError, match="email"):
        BY_EMAIL.all(mail=world.owner.email)


def test_new_rows_are_what_django_would_have_written(world: World) -> None:
    params = {"stop": ["100 %s"], "temperature": 0.5}
    new = [Conversation(project=world.project, title=title, params=params) for title in ("Tides", "Moss")]
    with CaptureQueriesContext(connection) as queries:
        CompiledInsert(Conversation).write(*new)
    assert len(queries) == 1
    (other,) = Conversation.objects.bulk_create([Conversation(project=world.project, title="Tides", params=params)])
    tides, moss, written = (Conversation.objects.values().get(pk=each.pk) for each in (*new, other))
    assert moss["title"] == "Moss"
    assert tides.pop("created_at") <= written.pop("created_at")
    for row in (tides, written):
        del row["id"], row["updated_at"]
    assert tides == written
    assert not new[0]._state.adding


@pytest.mark.django_db(transaction=True)
def test_it_is_made_once_and_serves_every_thread() -> None:
    made: list[int] = []
    found: list[list[Project]] = []

    def build() -> QuerySet[Project]:
        made.append(threading.get_ident())
        return Project.objects.filter(name=Parameter("name"))

    named = CompiledQuery(build)
    projects = [Project.objects.create(name=name) for name in ("Tides", "Moss")]
    assert named.all(name="Tides") == projects[:1]

    def ask() -> None:
        try:
            found.append(named.all(name="Moss"))
        finally:
            connection.close()

    other = threading.Thread(target=ask)
    other.start()
    other.join()
    assert found == [projects[1:]]
    assert made == [threading.get_ident()]
