"""Writes the files of pictures, previews and finished ones, in threads of their own: the device goes on meanwhile.

What is told of a request comes from two threads then; its ticket keeps the order.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from engine.device import is_out_of_memory
from engine.ticket import INTERNAL, ImageTicket
from engine.types import FinishReason

logger = logging.getLogger(__name__)

MOST_THREADS = 4
"""One writes about ten pictures of a million pixels a second."""
MOST_PICTURES = 16
"""Finished ones that are in memory as pixels. With more no other is begun; those that are being drawn still come."""
MOST_PREVIEWS = 16
OUT_OF_MEMORY = "The worker has too little memory left to write this picture. Try a smaller one, or try again later."


class File(NamedTuple):
    """A finished picture."""

    png: bytes
    width: int
    height: int
    pixels_sha256: str


class Encoding:
    """For all models of an engine. `preview` and `picture` are called from the engine thread, the rest from any."""

    def __init__(self, threads: int | None = None) -> None:
        """threads: without, one for every two processors, up to four."""
        processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        self._threads = threads or max(1, min(MOST_THREADS, processors // 2))
        self._pool = ThreadPoolExecutor(self._threads, thread_name_prefix="picture-files")
        self._changed = threading.Condition()
        self._previews: set[ImageTicket] = set()
        self._pictures: set[ImageTicket] = set()

    def __len__(self) -> int:
        """Finished pictures that weren't told yet."""
        return len(self._pictures)

    @property
    def is_full(self) -> bool:
        return len(self._pictures) >= MOST_PICTURES

    def takes_preview(self, ticket: ImageTicket) -> bool:
        """Not where its last one isn't told yet, nor while pictures wait for a thread: these are worth more."""
        return (
            ticket not in self._previews
            and len(self._previews) < MOST_PREVIEWS
            and len(self._pictures) < self._threads
        )  # fmt: skip

    def preview(self, ticket: ImageTicket, write: Callable[[], bytes]) -> None:
        """Tell it as soon as it is written; one that can't be is left out. write: gives a WebP, and keeps nothing of
        the model alive."""
        self._begin(self._previews, ticket, lambda: ticket.preview(write()))

    def picture(self, ticket: ImageTicket, write: Callable[[], File]) -> None:
        """The request's end: tell it the picture as soon as it is written. write: as that of `preview`."""
        self._begin(self._pictures, ticket, lambda: ticket.picture(*write()))

    def cancel(self, request_id: str) -> None:
        """End the request where its picture isn't told yet."""
        with self._changed:
            found = [ticket for ticket in self._pictures if ticket.id == request_id]
        for ticket in found:
            ticket.finish(FinishReason.CANCELLED)

    def close(self, seconds: float) -> None:
        """Tell the finished pictures, in so many seconds; begin none of what is left then."""
        with self._changed:
            self._changed.wait_for(lambda: not self._pictures, seconds)
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _begin(self, line: set[ImageTicket], ticket: ImageTicket, work: Callable[[], None]) -> None:
        with self._changed:
            line.add(ticket)
        try:
            self._pool.submit(self._do, line, ticket, work)
        except RuntimeError:  # there is no thread to be had: then in this one
            self._do(line, ticket, work)

    def _do(self, line: set[ImageTicket], ticket: ImageTicket, work: Callable[[], None]) -> None:
        try:
            if not ticket.finished:
                work()
        except Exception as error:
            if line is self._previews:
                logger.warning("A preview of request %s could not be written", ticket.id, exc_info=error)
            else:
                self._failed(ticket, error)
        finally:
            with self._changed:
                line.discard(ticket)
                self._changed.notify_all()

    def _failed(self, ticket: ImageTicket, error: Exception) -> None:
        """Its picture can't be written."""
        if is_out_of_memory(error):
            ticket.fail("out_of_memory", OUT_OF_MEMORY)
        else:
            logger.error("A file of request %s could not be written", ticket.id, exc_info=error)
            ticket.fail("internal", INTERNAL)
