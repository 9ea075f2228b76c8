"""The rows of `apps/audit`, what is sent, and what its addresses are about: see tests/matrix/tables.py."""

from __future__ import annotations

from typing import Any

from tests.world import World

ROWS = """
# route                              method  anonymous stranger viewer editor owner admin
console_audit_csv                    GET     login 404  404  404  404  200
console_audit_jsonl                  GET     login 404  404  404  404  200
"""
FORMS: dict[tuple[str, str], dict[str, Any]] = {}
JSON: dict[tuple[str, str], dict[str, Any]] = {}


def things(world: World) -> dict[str, dict[str, Any]]:
    """For each route of this room the parts of its address."""
    return {}
