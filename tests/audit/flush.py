"""Emptying the test database after transaction=True tests, past the audit log's own guard.

Django empties it with TRUNCATE, which a trigger refuses. The program has no way around that trigger, so the tests take
it off as the owner of the table for the moment between two tests, and put it back as the migration made it.
"""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.test import TransactionTestCase

from apps.audit.labels import forget_all

GUARDED = ("audit_auditevent", "audit_seal", "audit_checkpoint", "audit_label")
_flush: Callable[[TransactionTestCase], None] = TransactionTestCase._fixture_teardown


def _flush_with_audit_log(case: TransactionTestCase) -> None:
    forget_all()  # what this process remembers of labels is about to be untrue
    _set("DISABLE")
    try:
        _flush(case)
    finally:
        _set("ENABLE ALWAYS")


def _set(state: str) -> None:
    with connection.cursor() as cursor:
        for table in GUARDED:
            cursor.execute(f"ALTER TABLE {table} {state} TRIGGER audit_no_truncate")


def allow_between_tests() -> None:
    TransactionTestCase._fixture_teardown = _flush_with_audit_log
