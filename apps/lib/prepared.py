"""Statements that PostgreSQL reads and plans once a connection, and not anew each time.

Planning one of those that decide, claim or book takes it one to four milliseconds, where running it takes a fraction of
one. A plan that is kept must be good for any value (env.py asks for such ones), so a value that never changes belongs
into the SQL: with a parameter in its place the planner can't tell that an index over some rows is enough.
"""

from __future__ import annotations

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg import Cursor


def prepared_cursor() -> CursorWrapper:
    """As Django's `connection.cursor()`, for statements whose text is the same each time."""
    if not settings.DB_PREPARED_STATEMENTS or connection.queries_logged:  # Django's log can't tell what such ones ran
        return connection.cursor()
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return CursorWrapper(Cursor(connection.connection), connection)
