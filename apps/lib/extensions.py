"""Extensions of PostgreSQL that the site's tables need, looked for before `migrate` stumbles over one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register
from django.db import connections

NEEDED = ("pg_trgm",)
"""Finds mistyped titles, and parts of words, by an index. It comes with PostgreSQL's contrib package."""
STATE = """
SELECT EXISTS (SELECT FROM pg_extension WHERE extname = %(name)s),
       EXISTS (SELECT FROM pg_available_extensions WHERE name = %(name)s),
       EXISTS (SELECT FROM pg_roles WHERE rolname = current_user AND rolsuper)
       OR has_database_privilege(current_database(), 'CREATE')
       AND EXISTS (SELECT FROM pg_available_extension_versions WHERE name = %(name)s AND trusted),
       current_database(), current_user::text
"""


@register(Tags.database)
def check_extensions(databases: Sequence[str] | None = None, **_: Any) -> list[CheckMessage]:
    """Run by `migrate`, and by `check --database default`."""
    wrong = [(name, refusal(name, database)) for database in databases or () for name in NEEDED]
    return [Error(words, id=f"atrium.{name}") for name, words in wrong if words]


def refusal(name: str, database: str) -> str:
    """Why this extension isn't there and can't be added, and what to do; empty where it is or can."""
    with connections[database].cursor() as cursor:
        cursor.execute(STATE, {"name": name})
        there, available, allowed, where, who = cursor.fetchone()
    if there or (available and allowed):
        return ""
    if not available:
        return (
            f"This PostgreSQL lacks the extension {name}, by which Atrium searches. Install the contrib package of its "
            "version (postgresql-contrib in most systems), then start again."
        )
    return (
        f"The role {who} may not add the extension {name} to the database {where}. As an administrator of it, run "
        f"once: CREATE EXTENSION {name}; or GRANT CREATE ON DATABASE {where} TO {who}; then start again."
    )
