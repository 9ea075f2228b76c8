"""A thread that does one thing every so often, and goes on after an error."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import DatabaseError, connection

from apps.lib.database import borrowed_connection, kept_connection

logger = logging.getLogger(__name__)


class Loop:
    """Runs `work` with a database connection at hand: at the start, when woken, and `seconds` after the last time.
    `in_haste`: between a wake and its work nobody fetches and checks a connection."""

    def __init__(self, name: str, seconds: float, work: Callable[[], None], *, in_haste: bool = False) -> None:
        self._connected = kept_connection if in_haste else borrowed_connection
        self._seconds = seconds
        self._work = work
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def join(self, seconds: float) -> None:
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stopping:
            self._wake.clear()
            try:
                with self._connected():
                    self._work()
            except DatabaseError as error:
                logger.warning("%s: the database can't be used now: %s", self._thread.name, error)
            except Exception:
                logger.exception("%s failed; it tries again", self._thread.name)
            self._wake.wait(self._seconds)
        connection.close()
