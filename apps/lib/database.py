"""The database from threads that serve no request: nobody else gives their connections back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import ParamSpec, TypeVar, cast

from channels.db import database_sync_to_async
from django.db import DatabaseError, close_old_connections, connection

P = ParamSpec("P")
R = TypeVar("R")

SOCKET_THREADS = 8
"""Fewer than the connections of the pool (DB_POOL_SIZE): pages need some too."""
SLOW_THREADS = 3
_executor = ThreadPoolExecutor(SOCKET_THREADS, thread_name_prefix="database")
_slow_executor = ThreadPoolExecutor(SLOW_THREADS, thread_name_prefix="database-slow")


@contextmanager
def borrowed_connection() -> Iterator[None]:
    """For one piece of work in a thread of ours: a healthy connection, given back to the pool at the end."""
    close_old_connections()
    try:
        yield
    finally:
        connection.close()


@contextmanager
def kept_connection() -> Iterator[None]:
    """As `borrowed_connection`, for work that a thread does again and again: the connection stays with it until
    something goes wrong, and nobody looks first whether it is healthy. The thread closes it at its end."""
    try:
        yield
    except DatabaseError:
        connection.close()
        raise


async def in_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """Run a database function without holding up the event loop. Channels' own way has one thread for everybody."""
    return await _run(_executor, function, *args, **kwargs)


async def in_slow_thread(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    """The same for what may take seconds, such as pictures: sockets don't wait behind it."""
    return await _run(_slow_executor, function, *args, **kwargs)


async def _run(executor: ThreadPoolExecutor, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
    call = database_sync_to_async(function, thread_sensitive=False, executor=executor)
    return cast(R, await call(*args, **kwargs))
