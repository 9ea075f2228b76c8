"""Many who write at once: the log has all of it, in one chain, and nobody waits for ever."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest
from django.db import connection, transaction

from apps.audit.models import AuditEvent, Seal
from apps.audit.record import Target, record
from apps.audit.sealing import seal_and_sign
from tests.audit.copies import verify
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
