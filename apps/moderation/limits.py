"""How much new accounts may do in an hour. Counted in PostgreSQL, in the transaction of what is done.

A limit is for floods, not for people: it grows with the age of the account, and whoever looks after the site has none.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import connection, transaction
from django.db.models import Min
from django.db.models.aggregates import Count

from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.accounts.powers import powers_of
from apps.moderation.models import Doing

WINDOW = timedelta(hours=1)
FIRST_DAY, FIRST_WEEK = timedelta(days=1), timedelta(days=7)


class Limit(NamedTuple):
    """How often in an hour: in the first day of an account, in its first week, and later."""

    first_day: int
    first_week: int
    later: int
    noun: str

    def for_age(self, age: timedelta) -> int:
        if age < FIRST_DAY:
            return self.first_day
        return self.first_week if age < FIRST_WEEK else self.later


LIMITS = {
    "prompt.create": Limit(20, 60, 300, "new prompts"),
    "prompt.revise": Limit(60, 200, 1000, "revisions"),
    "prompt.comment": Limit(20, 60, 300, "comments"),
    "share.create": Limit(20, 60, 300, "shared links"),
    "report.create": Limit(10, 30, 100, "reports"),
}


class TooMany(NotAllowed):
    """The limit is reached; its text says when to try again. `retry_after` is in seconds."""

    def __init__(self, sentence: str, retry_after: int) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after


@transaction.atomic
def check_rate(user: User, action: str) -> None:
    """Count that `user` does `action` (one of LIMITS) now. Raises TooMany where that is too often.

    Call it in the action's transaction: what is rolled back isn't counted. Two at once wait for each other.
    """
    limit = LIMITS[action]
    if powers_of(user):
        return
    now = _one_at_a_time(user, action)
    mine = Doing.objects.filter(user=user, action=action)
    mine.filter(at__lte=now - WINDOW).delete()
    lately = mine.aggregate(count=Count("pk"), first=Min("at"))
    allowed = limit.for_age(now - user.date_joined)
    if lately["count"] >= allowed:
        raise _too_many(limit, allowed, until=lately["first"] + WINDOW, now=now)
    Doing.objects.create(user=user, action=action, at=now)


def _one_at_a_time(user: User, action: str) -> datetime:
    """Hold a lock for this person and action until the transaction ends; the database's time once it is held."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"rate:{user.pk}:{action}"])
        cursor.execute("SELECT clock_timestamp()")
        now: datetime = cursor.fetchone()[0]
    return now


def _too_many(limit: Limit, allowed: int, *, until: datetime, now: datetime) -> TooMany:
    seconds = max(1, round((until - now).total_seconds()))
    minutes = -(-seconds // 60)
    when = "in a minute" if minutes == 1 else f"in {minutes} minutes"
    new = " Limits grow with the age of an account." if allowed < limit.later else ""
    return TooMany(
        f"You made {allowed} {limit.noun} in the last hour, which is the limit. Try again {when}.{new}", seconds
    )
