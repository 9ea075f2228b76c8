"""Runs the chores of all apps. Many of these may run; one of them works, and another takes over where that one ends."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

from django.db import DatabaseError, connection

from apps.lib.chores import Chore
from apps.lib.database import borrowed_connection

logger = logging.getLogger(__name__)
LOCK = 0x41545249_4B  # of our own choice: "ATRIK"; beside that of `manage.py prepare`
LOOK = 0.25  # seconds between two looks at what is due
TRY_AGAIN = 2.0  # seconds until the next try to become the one that works


class Housekeeper:
    """Every chore has a thread while it runs, so that a long one holds up no other, and none overlaps itself."""

    def __init__(self, chores: Collection[Chore], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due = dict.fromkeys(chores, 0.0)
        self._running: dict[Chore, threading.Thread] = {}

    def work(self, ending: threading.Event) -> None:
        """Until `ending` is set; what runs then is waited for."""
        while not ending.is_set():
            try:
                with alone() as is_leader:
                    while is_leader() and not ending.wait(LOOK):
                        self.start_due()
            except DatabaseError as error:
                logger.warning("housekeeping lost the database: %s", error)
            ending.wait(TRY_AGAIN)
        self.wait()

    def start_due(self) -> None:
        """Begin what is due and does not run already."""
        now = self._clock()
        self._running = {chore: thread for chore, thread in self._running.items() if thread.is_alive()}
        for chore, due in self._due.items():
            if due <= now and chore not in self._running:
                self._due[chore] = now + chore.every
                thread = threading.Thread(target=_in_thread, args=(chore,), name=chore.name, daemon=True)
                self._running[chore] = thread
                thread.start()

    def wait(self, seconds: float = 20.0) -> None:
        deadline = time.monotonic() + seconds
        for thread in self._running.values():
            thread.join(max(0.0, deadline - time.monotonic()))


def run_once(chores: Collection[Chore]) -> list[str]:
    """Each once, here and now, one after another; the names of those that failed."""
    return [chore.name for chore in chores if not _run(chore)]


@contextmanager
def alone() -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether this process is the one that works, and asks the database to be it.

    The lock ends with the connection, however that ends; asking again where it is held already costs nothing that
    matters, and notices a connection that is gone (DatabaseError).
    """
    held = False

    def is_leader() -> bool:
        nonlocal held
        with connection.cursor() as cursor:
            if held:
                cursor.execute("SELECT 1")
            else:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [LOCK])
                held = bool(cursor.fetchone()[0])
        return held

    try:
        yield is_leader
    finally:
        # A pooled connection would take the lock along with it.
        if held and connection.connection is not None and not connection.connection.broken:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s)", [LOCK])
        connection.close()


def _in_thread(chore: Chore) -> None:
    with borrowed_connection():
        _run(chore)


def _run(chore: Chore) -> bool:
    began = time.monotonic()
    try:
        chore.work()
    except Exception:
        # One that fails must not stop the others; it is tried again when it is due.
        logger.exception("the chore %s failed", chore.name)
        return False
    logger.debug("chore %s done in %.3f s", chore.name, time.monotonic() - began)
    return True
