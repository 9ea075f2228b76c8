"""What a person may take with them; their favourites go with their account, boards stay without their name."""

from __future__ import annotations

from typing import Any

from apps.accounts.export import register_exporter
from apps.accounts.models import User
from apps.studio.models import Board, Favourite

Rows = list[dict[str, Any]]


def favourites(user: User) -> Rows:
    return [dict(row) for row in Favourite.objects.filter(user=user).values("artifact_id", "created_at")]


def boards(user: User) -> Rows:
    own = Board.objects.filter(created_by=user)
    return [dict(row) for row in own.values("id", "project_id", "name", "created_at")]


def register() -> None:
    for exporter in (favourites, boards):
        register_exporter(exporter.__name__, exporter)
