"""A database without the extension that search needs is told in words, before any table is made."""

from __future__ import annotations

import pytest
from django.core.checks import Tags, run_checks
from django.core.management import call_command
from django.core.management.base import SystemCheckError
from django.db import connection

from apps.lib.extensions import refusal


def ids() -> list[str]:
    return [found.id or "" for found in run_checks(tags=[Tags.database], databases=["default"])]


@pytest.fixture
def small_role(db: None) -> str:
    """Nothing of this outlives the test's transaction. The role may do what every role may."""
    with connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION pg_trgm CASCADE")
        cursor.execute("CREATE ROLE small")
        cursor.execute("SET LOCAL ROLE small")
    return "small"


def test_who_may_not_add_it_reads_what_to_do(small_role: str) -> None:
    assert ids() == ["atrium.pg_trgm"]
    with pytest.raises(SystemCheckError, match="The role small may not add the extension pg_trgm") as refused:
        call_command("migrate", skip_checks=False)
    assert "CREATE EXTENSION pg_trgm; or GRANT CREATE ON DATABASE" in str(refused.value)


def test_preparing_a_site_says_so_too(small_role: str) -> None:
    """`make up` and the containers go this way."""
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute("DELETE FROM django_migrations WHERE app = 'prompts'")
        cursor.execute("GRANT SELECT ON django_migrations TO small")
        cursor.execute("SET LOCAL ROLE small")
    with pytest.raises(SystemCheckError, match="The role small may not add the extension pg_trgm"):
        call_command("prepare", no_model=True, no_admin=True)


def test_who_may_make_things_in_the_database_may_add_it(small_role: str) -> None:
    database = connection.ops.quote_name(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute("RESET ROLE")
        cursor.execute(f"GRANT CREATE ON DATABASE {database} TO small")
        cursor.execute("GRANT CREATE ON SCHEMA public TO small")
        cursor.execute("SET LOCAL ROLE small")
        assert ids() == []
        cursor.execute("CREATE EXTENSION pg_trgm")


def test_where_it_is_nothing_is_asked_of_the_role(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE ROLE small")
        cursor.execute("SET LOCAL ROLE small")
    assert ids() == []


def test_a_server_without_it_is_told_of(db: None) -> None:
    assert "lacks the extension no_such_one" in refusal("no_such_one", "default")
