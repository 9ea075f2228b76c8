"""Statements that PostgreSQL reads and plans once a connection, and not anew each time.

Planning one of those that decide, claim or book takes it one to four milliseconds, where running it takes a fraction of
one. A plan that is kept must be good for any value (env.py asks for such ones), so a value that never changes belongs
into the SQL: with a parameter in its place the planner can't tell that an index over some rows is enough.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.postgresql.psycopg_any import get_adapters_template
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor, adapters
from psycopg.adapt import AdaptersMap
from psycopg.postgres import types
from psycopg.pq import Format

TIMESTAMPTZ = types["timestamptz"].oid


def prepared_cursor() -> CursorWrapper:
    """As Django's `connection.cursor()`, for statements whose text is the same each time."""
    connection = connections[DEFAULT_DB_ALIAS]  # itself: `django.db.connection` looks it up for each attribute
    if not settings.DB_PREPARED_STATEMENTS or connection.queries_logged:  # Django's log can't tell what such ones ran
        return connection.cursor()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return CursorWrapper(_Cursor(connection.connection), connection)


def _adapters() -> AdaptersMap:
    """Values come as Django wants them, but times as psycopg reads them, in C: they are in UTC either way."""
    made, quick = AdaptersMap(get_adapters_template(True, UTC)), adapters.get_loader(TIMESTAMPTZ, Format.TEXT)
    assert quick is not None, "a type that PostgreSQL comes with"
    made.register_loader(TIMESTAMPTZ, quick)
    return made


class _Cursor(Cursor[Any]):
    adapters = _adapters()
