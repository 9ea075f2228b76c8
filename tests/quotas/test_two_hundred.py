"""Two hundred submits at once against a quota of a hundred, over real connections."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest
from django.db import connection, transaction
from django.db.models import Sum

from apps.accounts.models import User
from apps.generations.actions import request_cancel
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob
from apps.quotas import actions, limits
from apps.quotas.balance import differences
from apps.quotas.models import LedgerEntry, UsageTotal
from tests.quotas.conftest import SubmitAs
from tests.quotas.people import crowd, quota
from tests.world import World

THREADS = 20
SUBMITS = 200
MOMENT = 0.01
"""Seconds between reading and writing."""
pytestmark = pytest.mark.django_db(transaction=True)


def submit_all(submit_as: SubmitAs, people: list[User]) -> int:
    """How many of the two hundred were admitted."""
    barrier = threading.Barrier(THREADS)

    def some(user: User) -> int:
        barrier.wait()
        admitted = 0
        try:
            for _ in range(SUBMITS // THREADS):
                try:
                    submit_as(user)
                    admitted += 1
                except Refused as refusal:
                    if refusal.code != "quota_exceeded":
                        raise
        finally:
            connection.close()
        return admitted

    with ThreadPoolExecutor(THREADS) as pool:
        return sum(pool.map(some, people))


@pytest.fixture(autouse=True)
def a_moment_between_reading_and_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that submits at once do meet there, also on a machine with little to spare."""

    def slowly(asked: list[limits.Limit]) -> list[limits.Standing]:
        found = limits.standings(asked)
        sleep(MOMENT)
        return found

    monkeypatch.setattr(actions, "standings", slowly)


def tokens_of_one(submit_as: SubmitAs, user: User) -> int:
    with transaction.atomic():
        job = submit_as(user)
        transaction.set_rollback(True)
    return job.prompt_tokens + 20


@pytest.mark.parametrize(("subject", "metric"), [("site", "tokens"), ("project", "concurrent_jobs")])
def test_exactly_a_hundred_are_admitted_and_the_ledger_balances(
    world: World, submit_as: SubmitAs, subject: str, metric: str
) -> None:
    people = crowd(world.project, THREADS)
    whose = {"project": world.project} if subject == "project" else {}
    quota(subject, metric, 100 * (tokens_of_one(submit_as, people[0]) if metric == "tokens" else 1), **whose)
    assert submit_all(submit_as, people) == 100
    assert GenerationJob.objects.count() == LedgerEntry.objects.filter(kind="reserve").count() == 100
    assert differences() == []
    for job in GenerationJob.objects.select_related("user"):
        assert job.user is not None
        request_cancel(actor=job.user, job=job)
    assert LedgerEntry.objects.filter(kind="settle").count() == 100
    assert differences() == []
    left = UsageTotal.objects.aggregate(Sum("open_jobs"), Sum("reserved_tokens"), Sum("tokens"))
    assert set(left.values()) == {0}
    submit_as(people[0])


def test_without_the_lock_more_are_admitted(world: World, submit_as: SubmitAs, monkeypatch: pytest.MonkeyPatch) -> None:
    """The negative control: the test above sees what it is there to see. Without a lock to wait for, submits wait a
    moment instead, so that they do come at once."""
    monkeypatch.setattr(limits, "LOCK", "pg_sleep(0.05)")
    monkeypatch.setattr("tests.quotas.test_two_hundred.MOMENT", 0.2)  # so long that they meet on a slow machine too
    people = crowd(world.project, THREADS)
    quota("site", "concurrent_jobs", 100)
    assert submit_all(submit_as, people) > 100
    assert differences() == []
