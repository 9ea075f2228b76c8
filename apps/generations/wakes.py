"""Hears at once that there is a job, or one to stop. The database says so too, and is asked once a second."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from apps.generations.doorbell import WAKE_CHANNEL
from apps.lib.redis import AWAY, sync_client

LISTEN_SECONDS = 0.25
AWAY_SECONDS = 1.0
logger = logging.getLogger(__name__)


class WakeListener:
    """Calls `on_wake` with each word, the id of a job or RECHECK, in a thread of its own."""

    def __init__(self, on_wake: Callable[[str], None]) -> None:
        self._on_wake = on_wake
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wakes", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(2 * LISTEN_SECONDS)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._listen()
            except AWAY as error:
                logger.warning("jobs and cancellations are only read from the database now: %s", error)
                self._stopping.wait(AWAY_SECONDS)

    def _listen(self) -> None:
        with sync_client().pubsub(ignore_subscribe_messages=True) as channel:  # type: ignore[no-untyped-call]
            channel.subscribe(WAKE_CHANNEL)
            while not self._stopping.is_set():
                if message := channel.get_message(timeout=LISTEN_SECONDS):
                    self._on_wake(str(message["data"]))
