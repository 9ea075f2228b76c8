"""Telling people something, on their page of notices. Rooms above this one use it too."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection

from apps.accounts.models import User
from apps.lib.ids import new_id
from apps.moderation.models import Decision, Notice

MAX_TITLE = 200
# In the order of the people, so that two that tell the same ones can't wait for each other.
TELL_ONCE = """
INSERT INTO moderation_notice AS notice (id, user_id, title, text, url, key, created_at)
SELECT id, user_id, %(title)s, %(text)s, %(url)s, %(key)s, statement_timestamp()
FROM unnest(%(ids)s::text[], %(users)s::text[]) AS given (id, user_id) ORDER BY user_id
ON CONFLICT (key, user_id) WHERE NOT key = '' AND dismissed_at IS NULL AND read_at IS NULL
DO UPDATE SET title = %(again)s, text = EXCLUDED.text, url = EXCLUDED.url, created_at = EXCLUDED.created_at
"""


def notify(
    user: User | None, title: str, text: str = "", *, url: str = "", decision: Decision | None = None
) -> Notice | None:
    """Write one notice in the caller's transaction; nothing for a person who has left (None).

    `title` is a short sentence, `text` plain words, `url` a page of this site to go on at.
    """
    if user is None:
        return None
    return Notice.objects.create(user=user, title=title[:MAX_TITLE], text=text, url=url, decision=decision)


def notify_once(users: Iterable[User], key: str, title: str, text: str = "", *, again: str = "", url: str = "") -> None:
    """Tell each of `users`; who has not read the last notice of the same `key` finds that one brought up to date, with
    `again` for a title, so that a storm of events is one notice. One statement."""
    told = [user.pk for user in users]
    said = {"title": title[:MAX_TITLE], "again": (again or title)[:MAX_TITLE], "text": text, "url": url, "key": key}
    with connection.cursor() as cursor:
        cursor.execute(TELL_ONCE, said | {"ids": [new_id() for _ in told], "users": told})


def forget_notices(key_prefix: str) -> None:
    """Those whose key begins so, read or not: they name somebody who has left."""
    Notice.objects.filter(key__startswith=key_prefix).delete()


def unread_count(user: User) -> int:
    return Notice.objects.filter(user=user, read_at=None, dismissed_at=None).count()
