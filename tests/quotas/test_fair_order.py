"""The order of the queue, against a slow reference in plain Python and by what it promises."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.generations.claims import claim
from apps.generations.fair_order import AGEING, UNMEASURED_MS
from apps.generations.models import GenerationJob, State
from apps.generations.presence import announce
from apps.generations.queue import Place, place_of
from apps.quotas.ledger import HALF_LIFE_SECONDS, Amount, Measured, write_reservation, write_settlements
from apps.quotas.models import RecentUse
from tests.quotas.people import crowd
from tests.world import World


@dataclass(frozen=True)
class Waiting:
    person: int
    age: int
    """Seconds; all different within an example, so that no two jobs score the same by chance of the clock."""
    from_program: bool = False


@dataclass(frozen=True)
class Queue:
    used: list[tuple[int, int]]
    """For each person milliseconds of device time, and how many seconds ago."""
    running: list[int]
    waiting: list[Waiting]


PEOPLE = 4
people = st.integers(0, PEOPLE - 1)
queues = st.builds(
    Queue,
    used=st.lists(
        st.tuples(st.sampled_from([0, 400, 5_000, 90_000]), st.integers(0, 3000)), min_size=PEOPLE, max_size=PEOPLE
    ),
    running=st.lists(people, max_size=6),
    waiting=st.lists(
        st.builds(Waiting, people, st.integers(0, 4000), st.booleans()),
        min_size=1,
        max_size=20,
        unique_by=lambda each: each.age,
    ),
)


def expected(queue: Queue) -> list[float]:
    """The scores of the waiting jobs, as the docstring of fair_order says them."""
    turns = dict(zip(queue.waiting, by_age(queue), strict=True))
    scores = []
    for mine in queue.waiting:
        own = sorted((each for each in queue.waiting if each.person == mine.person), key=lambda each: -each.age)
        first = sorted(own, key=lambda each: each.from_program)
        scores.append(turns[own[first.index(mine)]])
    return scores


def by_age(queue: Queue) -> list[float]:
    """Of their turns, whoever gets them."""
    scores = []
    for mine in queue.waiting:
        used, ago = queue.used[mine.person]
        before = [other for other in queue.waiting if other.person == mine.person and other.age > mine.age]
        unfinished = queue.running.count(mine.person) + len(before)
        scores.append(used * 0.5 ** (ago / HALF_LIFE_SECONDS) + UNMEASURED_MS * unfinished - AGEING * mine.age)
    return scores


def put(world: World, model: HostedModel, users: list[User], queue: Queue) -> list[GenerationJob]:
    GenerationJob.objects.all().delete()
    RecentUse.objects.all().delete()
    for user, (used, ago) in zip(users, queue.used, strict=False):
        RecentUse.objects.create(user_id=user.pk, device_ms=used, as_of=Now() - timedelta(seconds=ago))
    common = {"project": world.project, "model_version": model.default_version}
    for person in queue.running:
        GenerationJob.objects.create(user=users[person], state=State.RUNNING, attempt=1, **common)
    jobs = [
        GenerationJob.objects.create(user=users[each.person], from_program=each.from_program, **common)
        for each in queue.waiting
    ]
    for job, each in zip(jobs, queue.waiting, strict=True):
        GenerationJob.objects.filter(pk=job.pk).update(created_at=Now() - timedelta(seconds=each.age))
    return jobs


@examples(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(queue=queues)
def test_the_order_is_that_of_the_reference(world: World, model: HostedModel, queue: Queue) -> None:
    users = list(User.objects.filter(email__startswith="crowd")) or crowd(world.project, PEOPLE)
    jobs = put(world, model, users, queue)
    scores = dict(zip((job.pk for job in jobs), expected(queue), strict=True))
    places = sorted(jobs, key=lambda job: place_of(job).position)
    taken = [job.pk for job in claim("w", [model.pk], len(jobs))]
    assert_sorted([scores[job.pk] for job in places])
    assert_sorted([scores[job] for job in taken])


def assert_sorted(scores: list[float]) -> None:
    """But for a moment that passed between two statements."""
    assert all(first <= second + 5 * AGEING for first, second in pairwise(scores))


@examples(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(queue=queues)
def test_a_person_s_own_jobs_keep_their_order_with_those_of_their_programs_behind(
    world: World, model: HostedModel, queue: Queue
) -> None:
    users = list(User.objects.filter(email__startswith="crowd")) or crowd(world.project, PEOPLE)
    put(world, model, users, queue)
    taken: dict[str, list[object]] = defaultdict(list)
    while jobs := claim("w", [model.pk], 3):
        for job in jobs:
            taken[str(job.user_id)].append((job.from_program, job.created_at))
    assert all(times == sorted(times) for times in taken.values())  # type: ignore[type-var]


def waiting(world: World, model: HostedModel, user: User, number: int, age: float = 0.0) -> list[GenerationJob]:
    jobs = [
        GenerationJob.objects.create(user=user, project=world.project, model_version=model.default_version)
        for _ in range(number)
    ]
    for place, job in enumerate(jobs):
        created = Now() - timedelta(seconds=age - place * 0.001)
        GenerationJob.objects.filter(pk=job.pk).update(created_at=created)
    return jobs


def test_a_hundred_jobs_of_one_person_do_not_delay_the_first_of_another(world: World, model: HostedModel) -> None:
    heavy, light = crowd(world.project, 2)
    hundred = waiting(world, model, heavy, 100, age=10)
    assert [job.pk for job in claim("w", [model.pk], 4)] == [job.pk for job in hundred[:4]]
    (first,) = waiting(world, model, light, 1)
    assert place_of(first).position == 1
    assert [job.pk for job in claim("w", [model.pk], 2)] == [first.pk, hundred[4].pk]


def test_programs_of_a_person_delay_neither_themselves_nor_anybody_else_more_than_they_would(
    world: World, model: HostedModel
) -> None:
    busy, other = crowd(world.project, 2)
    of_programs = waiting(world, model, busy, 10, age=600)
    GenerationJob.objects.update(from_program=True)
    (of_other,) = waiting(world, model, other, 1, age=5)
    before = place_of(of_other).position
    (own,) = waiting(world, model, busy, 1)
    assert place_of(own).position == 1, "the turn of the first that the programs asked for"
    assert [place_of(job).position for job in of_programs][:2] == [2, 3]
    assert place_of(of_other).position == before


def test_two_with_many_take_turns(world: World, model: HostedModel) -> None:
    one, other = crowd(world.project, 2)
    waiting(world, model, one, 6, age=1)
    waiting(world, model, other, 6)
    taken = [job.user_id for job in claim("w", [model.pk], 12)]
    assert taken == [one.pk, other.pk] * 6


def test_who_used_less_goes_first_but_whoever_waits_gains(world: World, model: HostedModel) -> None:
    heavy, light = crowd(world.project, 2)
    RecentUse.objects.create(user_id=heavy.pk, device_ms=20_000, as_of=Now())
    (of_heavy,) = waiting(world, model, heavy, 1, age=60)
    (of_light,) = waiting(world, model, light, 1)
    assert (place_of(of_light).position, place_of(of_heavy).position) == (1, 2)
    GenerationJob.objects.filter(pk=of_heavy.pk).update(created_at=Now() - timedelta(seconds=500))
    assert (place_of(of_light).position, place_of(of_heavy).position) == (2, 1)


def test_a_clock_that_goes_back_breaks_nothing(world: World, model: HostedModel) -> None:
    (person,) = crowd(world.project, 1)
    RecentUse.objects.create(user_id=person.pk, device_ms=500, as_of=Now() + timedelta(days=2))
    (job,) = waiting(world, model, person, 1, age=-3600)
    assert place_of(job).position == 1
    assert [each.pk for each in claim("w", [model.pk], 1)] == [job.pk]


def measure(world: World, model: HostedModel, device_ms: float) -> None:
    named = {"job_id": "0" * 16, "user_id": world.owner.pk, "project_id": world.project.pk, "model_id": model.pk}
    write_reservation(amount=Amount(10), **named)
    write_settlements([Measured(tokens=10, device_ms=device_ms, **named)])


def test_the_start_is_estimated_from_what_jobs_took(world: World, model: HostedModel) -> None:
    jobs = waiting(world, model, world.editor, 5)
    assert place_of(jobs[4]) == Place(5, None, "no_worker")
    announce("w", device="cpu", slots=2, loaded=[], serves=[model.pk])
    assert place_of(jobs[0]) == Place(1, 0, "")
    assert place_of(jobs[4]) == Place(5, None, "")
    measure(world, model, 10_000)
    assert [place_of(job).starts_in for job in jobs] == [0, 0, 10, 20, 30]
    announce("other", device="cpu", slots=2, loaded=[], serves=[model.pk])
    assert [place_of(job).starts_in for job in jobs] == [0, 0, 0, 0, 5]


@pytest.mark.parametrize("number", [1, 30])
def test_choosing_and_taking_is_one_statement(world: World, model: HostedModel, number: int) -> None:
    waiting(world, model, world.editor, number)
    with CaptureQueriesContext(connection) as queries:
        assert len(claim("w", [model.pk], number)) == number
    statements = [query["sql"] for query in queries if "SAVEPOINT" not in query["sql"]]
    assert [("FOR UPDATE" in sql, "UPDATE generations" in sql) for sql in statements] == [(True, True), (False, False)]
