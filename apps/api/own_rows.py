"""What a person takes with them from this room: all but what is kept of the secret. Tokens go with their account."""

from __future__ import annotations

from typing import Any

from apps.accounts.export import register_exporter
from apps.accounts.models import User
from apps.api.access import tokens_of

FIELDS = ("id", "name", "project", "hint", "created_at", "expires_at", "last_used_at", "revoked_at")


def api_tokens(user: User) -> list[dict[str, Any]]:
    return [dict(row) for row in tokens_of(user).values(*FIELDS)]


def register() -> None:
    register_exporter(api_tokens.__name__, api_tokens)
