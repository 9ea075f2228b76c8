"""Tells the sockets of a conversation what was committed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from apps.lib.groups import group_send_on_commit

JSON = dict[str, Any]


def group_of(conversation_id: str) -> str:
    return f"conversation.{conversation_id}"


def frames_to_all(conversation_id: str, frames: Callable[[], list[JSON]]) -> None:
    """Send `frames`, made after the commit, to every socket of the conversation in one message."""
    group_send_on_commit(group_of(conversation_id), lambda: {"type": "client.frames", "frames": frames()})


def changes_to_all(conversation_id: str, **changes: Any) -> None:
    """Tell every socket what is different in the conversation itself."""
    frames_to_all(conversation_id, lambda: [{"type": "conversation", "changes": changes}])


def recheck_all(conversation_id: str) -> None:
    """Let every socket of the conversation look again whether it may stay, after the commit."""
    group_send_on_commit(group_of(conversation_id), lambda: {"type": "access.changed"})
