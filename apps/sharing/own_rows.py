"""What a person takes with them from this room. Their links go with their account."""

from __future__ import annotations

from typing import Any

from apps.accounts.export import register_exporter
from apps.accounts.models import User
from apps.sharing.access import links_of


def share_links(user: User) -> list[dict[str, Any]]:
    fields = ("kind", "label", "project", "created_at", "expires_at", "revoked_at", "opened")
    return [dict(row) for row in links_of(user).values(*fields)]


def register() -> None:
    register_exporter("share_links", share_links)
