"""Tells open sockets that someone's access changed, so that they look again now instead of within seconds."""

from __future__ import annotations

from apps.accounts.models import User
from apps.lib.groups import group_send_on_commit


def user_group_of(user_id: str) -> str:
    """What every socket of a person listens to."""
    return f"user.{user_id}"


def access_changed(user: User) -> None:
    """Once the transaction commits, send `access.changed` to the person's sockets. A lost notice costs only time."""
    group_send_on_commit(user_group_of(user.pk), lambda: {"type": "access.changed"})
