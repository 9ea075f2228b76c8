"""Shared conversations as moderators see them; see `apps.moderation.kinds`.

Hiding needs nothing besides the mark in the case: `SharedConversation.objects.readable()` leaves hidden ones out.
"""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.shortcuts import get_object_or_404
from django.urls import reverse

from apps.accounts.models import User
from apps.conversations.models import SharedConversation
from apps.conversations.models.snapshot import SHARED
from apps.lib.ids import is_id
from apps.moderation.kinds import Description, KindOfThing, register
from apps.sharing.models import ShareLink


def find(reader: User | AnonymousUser | None, snapshot_id: str) -> SharedConversation:
    """For readers, while a link to it is live. Its id stands on the shared page, which needs no account."""
    shared = SharedConversation.objects.select_related("created_by")
    if reader is not None:
        live = ShareLink.objects.live().to(SHARED, snapshot_id)
        shared = shared.readable() if live.exists() else shared.none()
    return get_object_or_404(shared, pk=snapshot_id if is_id(snapshot_id) else "")


def describe(snapshot: SharedConversation) -> Description:
    said = (f"{message['role'].capitalize()}: {_said(message)}" for message in snapshot.messages)
    return Description(snapshot.title, "\n\n".join(said))


def _said(message: dict[str, Any]) -> str:
    """Pictures by their names: they are looked at on the copy's page."""
    pictures = [f"[picture: {each['name']}]" for each in message.get("pictures", ())]
    calls = [f"[call: {each['name']} {each['arguments']}]" for each in message.get("tool_calls", ())]
    return "\n".join([*pictures, message["text"], *calls])


CONVERSATION = KindOfThing(
    noun="shared conversation",
    find=find,
    describe=describe,
    # Without the token of a link, which nobody can write down again: for its author and for moderators.
    url=lambda snapshot: reverse("shared_copy", args=[snapshot.pk]),
    author=lambda snapshot: snapshot.created_by,
    shown_to_reporter=False,
)


def register_kinds() -> None:
    register(SHARED, CONVERSATION)
