"""A thread's connection to the database: borrowed for each time, or kept by who is in haste."""

from __future__ import annotations

from collections.abc import Iterator
from queue import Queue

import pytest
from django.db import connection

from apps.generations.loops import Loop
from tests.generations.scripted import until

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def hasty() -> Iterator[tuple[Loop, Queue[int]]]:
    """One that tells the process of PostgreSQL that serves it, when it is woken."""
    told: Queue[int] = Queue()
    loop = Loop("hasty", 0.2, lambda: told.put(served_by()), in_haste=True)
    loop.start()
    yield loop, told
    loop.stop()
    loop.join(20)


def served_by() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        pid: int = cursor.fetchone()[0]
    return pid


def test_who_is_in_haste_keeps_its_connection(hasty: tuple[Loop, Queue[int]]) -> None:
    loop, told = hasty
    first = told.get(timeout=20)
    loop.wake()
    assert told.get(timeout=20) == first != served_by()


def test_one_that_broke_is_replaced(hasty: tuple[Loop, Queue[int]]) -> None:
    loop, told = hasty
    first = told.get(timeout=20)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_terminate_backend(%s)", [first])
    while (now := told.get(timeout=20)) == first:  # told before it broke
        loop.wake()
    assert now != served_by()


def test_it_is_given_back_at_the_end() -> None:
    """Tests run without a pool, so PostgreSQL sees it go."""
    told: Queue[int] = Queue()
    loop = Loop("hasty", 0.2, lambda: told.put(served_by()), in_haste=True)
    loop.start()
    pid = told.get(timeout=20)
    loop.stop()
    loop.join(20)
    until(lambda: not is_there(pid))


def is_there(pid: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid])
        return cursor.fetchone() is not None
