"""An earlier site: its own tables, at any migration, with rows in them.

They live in a schema of their own, made in the transaction of the test. That transaction never commits, so everything
is gone at its end, also where the test fails: PostgreSQL undoes schema changes like any others.
"""

from __future__ import annotations

from typing import Any

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

SCHEMA = "earlier"


class Site:
    """Needs the `db` fixture. Whatever touches the database after this is made sees the tables of this site only."""

    def __init__(self) -> None:
        assert connection.in_atomic_block, "outside a transaction nothing would be undone"
        _run(f"CREATE SCHEMA {SCHEMA}", f"ALTER EXTENSION pg_trgm SET SCHEMA {SCHEMA}")
        _run(f"SET LOCAL search_path TO {SCHEMA}")

    def go(self, app: str, migration: str) -> Any:
        """Migrate that app, forth or back, with all that it takes. Returns the models of that time."""
        # Tables can't be altered while checks of their rows are put off to the end of the transaction.
        _run("SET CONSTRAINTS ALL IMMEDIATE")
        executor = MigrationExecutor(connection)
        executor.migrate([(app, migration)])
        _run("SET CONSTRAINTS ALL DEFERRED")
        return MigrationExecutor(connection).loader.project_state([(app, migration)]).apps


def _run(*statements: str) -> None:
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
