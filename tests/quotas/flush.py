"""Emptying the ledger between transaction=True tests, past its own guard: see tests/audit/flush.py."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection
from django.test import TransactionTestCase


def allow_between_tests() -> None:
    flush: Callable[[TransactionTestCase], None] = TransactionTestCase._fixture_teardown

    def flush_with_ledger(case: TransactionTestCase) -> None:
        _set("DISABLE")
        try:
            flush(case)
        finally:
            _set("ENABLE ALWAYS")

    TransactionTestCase._fixture_teardown = flush_with_ledger


def _set(state: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE quotas_ledgerentry {state} TRIGGER ledger_no_truncate")
