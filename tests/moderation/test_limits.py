"""How much new accounts may do."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from apps.accounts.models import SiteRole, User
from apps.moderation.limits import LIMITS, TooMany, check_rate
from apps.moderation.models import Doing
from tests.world import World

LIMIT = LIMITS["report.create"]


def do(user: User, times: int, action: str = "report.create") -> None:
    for _ in range(times):
        check_rate(user, action)


def refused(user: User, action: str = "report.create") -> TooMany:
    with pytest.raises(TooMany) as raised:
        check_rate(user, action)
    return raised.value


def test_a_flood_is_told_when_to_try_again(world: World) -> None:
    do(world.viewer, LIMIT.first_day)
    sentence = str(refused(world.viewer))
    assert sentence == (
        "You made 10 reports in the last hour, which is the limit. Try again in 60 minutes. "
        "Limits grow with the age of an account."
    )
    do(world.viewer, 1, "prompt.create")
    do(world.editor, 1)
    Doing.objects.filter(user=world.viewer).update(at=timezone.now() - timedelta(minutes=59, seconds=30))
    assert "Try again in a minute" in str(refused(world.viewer))
    Doing.objects.filter(user=world.viewer).update(at=timezone.now() - timedelta(hours=1, seconds=1))
    do(world.viewer, 1)
    assert Doing.objects.filter(user=world.viewer, action="report.create").count() == 1


@pytest.mark.parametrize(("days", "allowed"), [(0, LIMIT.first_day), (2, LIMIT.first_week), (8, LIMIT.later)])
def test_limits_grow_with_the_account(world: World, days: int, allowed: int) -> None:
    world.viewer.date_joined -= timedelta(days=days)
    do(world.viewer, allowed)
    refused(world.viewer)


def test_what_is_rolled_back_does_not_count(world: World) -> None:
    for _ in range(LIMIT.first_day + 2):
        with transaction.atomic():
            check_rate(world.viewer, "report.create")
            transaction.set_rollback(True)
    do(world.viewer, LIMIT.first_day)


def test_whoever_looks_after_the_site_has_none(world: World) -> None:
    world.editor.site_role = SiteRole.MODERATOR
    for user in (world.admin, world.editor):
        do(user, LIMIT.later + 1)


@pytest.mark.django_db(transaction=True)
def test_thirty_at_once_are_as_many_as_allowed() -> None:
    user = User.objects.create_user("flood@example.org")

    def attempt(_: int) -> bool:
        try:
            check_rate(user, "report.create")
        except TooMany:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(attempt, range(30))) == LIMIT.first_day
