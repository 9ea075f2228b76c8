"""Many who write at once: the log has all of it, in one chain, and nobody waits for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Barrier, Event, current_thread

import pytest
from django.db import connection, transaction

from apps.audit import sealing
from apps.audit.models import AuditEvent, Checkpoint, Seal
from apps.audit.record import Target, record
from apps.audit.sealing import seal_and_sign, seal_new_events
from tests.audit.copies import verify
from tests.generations.scripted import until
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
WRITERS, SEALERS, EVENTS = 20, 2, 25


def test_twenty_writers_make_one_chain(world: World, keys: Path) -> None:
    """Each with transactions of several events about the same things in another order; every fifth is rolled back.
    Two who seal take what is committed meanwhile."""
    begin, ending = Barrier(WRITERS + SEALERS), Event()

    def write(writer: int) -> None:
        begin.wait(60)
        try:
            for number in range(EVENTS):
                with transaction.atomic():
                    for page in sorted(range(3), reverse=writer % 2 == 1):
                        target = Target("page", f"p{page}", f"Page {page} of {number}")
                        record("audit.viewed", actor=world.owner, target=target, writer=writer, number=number)
                    transaction.set_rollback(number % 5 == 4)
        finally:
            connection.close()

    def seal() -> None:
        begin.wait(60)
        try:
            while not ending.is_set():
                seal_and_sign()
        finally:
            connection.close()

    with ThreadPoolExecutor(WRITERS + SEALERS) as pool:
        sealing = [pool.submit(seal) for _ in range(SEALERS)]
        for writing in [pool.submit(write, writer) for writer in range(WRITERS)]:
            writing.result(120)
        ending.set()
        for each in sealing:
            each.result(60)
    seal_and_sign()
    written = AuditEvent.objects.values_list("details__writer", "details__number", "target_id")
    kept = [number for number in range(EVENTS) if number % 5 != 4]
    assert sorted(written) == [(w, n, f"p{page}") for w in range(WRITERS) for n in kept for page in range(3)]
    assert list(Seal.objects.order_by("position").values_list("position", flat=True)) == [*range(1, len(written) + 1)]
    assert verify(keys).first is None


def test_who_seals_waits_for_whoever_signs(world: World, keys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One has read what is to be signed when more is written and another one comes to seal. Without their lock both
    would sign from the same place on, and no verifier would believe the second."""
    reading, may_sign = Event(), Event()
    now = sealing._now

    def now_or_later() -> datetime:
        if current_thread().name.startswith("first"):
            reading.set()
            assert may_sign.wait(60)
        return now()

    def seal() -> None:
        try:
            seal_and_sign()
        finally:
            connection.close()

    def write() -> None:
        record("audit.viewed", actor=world.owner, target=Target("page", "p", "Page"))

    monkeypatch.setattr(sealing, "_now", now_or_later)
    write()
    seal_and_sign()
    write()
    seal_new_events()  # signed just now: this one waits for the next signature
    with ThreadPoolExecutor(1, "first") as one, ThreadPoolExecutor(1, "second") as other:
        first = one.submit(seal)
        assert reading.wait(60)
        write()
        second = other.submit(seal)
        until(lambda: second.done() or waits_for_a_lock())
        may_sign.set()
        first.result(60)
        second.result(60)
    assert list(Checkpoint.objects.order_by("position").values_list("start", "position")) == [(0, 1), (1, 2), (2, 3)]
    assert verify(keys).first is None


def waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        (count,) = cursor.fetchone()
    return bool(count)
