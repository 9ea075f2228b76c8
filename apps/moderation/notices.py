"""Telling people something, on their page of notices. Rooms above this one use it too."""

from __future__ import annotations

from apps.accounts.models import User
from apps.moderation.models import Decision, Notice

MAX_TITLE = 200


def notify(
    user: User | None, title: str, text: str = "", *, url: str = "", decision: Decision | None = None
) -> Notice | None:
    """Write one notice in the caller's transaction; nothing for a person who has left (None).

    `title` is a short sentence, `text` plain words, `url` a page of this site to go on at.
    """
    if user is None:
        return None
    return Notice.objects.create(user=user, title=title[:MAX_TITLE], text=text, url=url, decision=decision)


def unread_count(user: User) -> int:
    return Notice.objects.filter(user=user, read_at=None, dismissed_at=None).count()
