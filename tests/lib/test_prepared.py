"""Statements that PostgreSQL plans once a connection."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from apps.lib.prepared import prepared_cursor
from apps.projects.models import Project
from tests.world import World

SUM = "SELECT %s::int + count(*) FROM projects_project WHERE name = %s"


def kept(statement: str) -> list[tuple[int, int]]:
    """How often statements that begin so ran here with a plan for all values, and with one of their own."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT generic_plans, custom_plans FROM pg_prepared_statements WHERE starts_with(statement, %s)",
            [statement],
        )
        return list(cursor.fetchall())


def ask(number: int, name: str) -> int:
    with prepared_cursor() as cursor:
        cursor.execute(SUM, [number, name])
        found: int = cursor.fetchone()[0]
    return found


def test_a_statement_is_kept_with_one_plan_for_all_values(world: World) -> None:
    (before,) = kept("SELECT $1::int + count(*)") or [(0, 0)]
    assert ask(1, "Lighthouse") == 2
    assert ask(5, "' OR true --") == 5
    assert ask(7, "Lighthouse") == 8
    assert kept("SELECT $1::int + count(*)") == [(before[0] + 3, 0)]


def test_where_a_pooler_forbids_it_nothing_is_kept(world: World, settings: Any) -> None:
    settings.DB_PREPARED_STATEMENTS = False
    with prepared_cursor() as cursor:
        cursor.execute("SELECT %s::int * 3", [4])
        assert cursor.fetchone() == (12,)
    assert not kept("SELECT $1::int * 3")


@pytest.mark.django_db
def test_errors_are_djangos_and_the_connection_goes_on() -> None:
    project = Project.objects.create(name="Tides")
    with pytest.raises(IntegrityError), transaction.atomic(), prepared_cursor() as cursor:
        cursor.execute("INSERT INTO projects_project SELECT * FROM projects_project WHERE id = %s", [project.pk])
    assert ask(0, "Tides") == 1


def test_times_are_those_that_django_reads(world: World) -> None:
    created = Project.objects.get(pk=world.project.pk).created_at
    with prepared_cursor() as cursor:
        cursor.execute(
            "SELECT created_at, %s::timestamptz FROM projects_project WHERE id = %s", [created, world.project.pk]
        )
        stored, given = cursor.fetchone()
    assert stored == given == created
    assert {stored.tzinfo, given.tzinfo} == {created.tzinfo}
