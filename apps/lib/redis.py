"""Connections to Redis: one client for each process, or for each event loop."""

from __future__ import annotations

import asyncio
import os
from functools import lru_cache
from weakref import WeakKeyDictionary

import redis
import redis.asyncio
from django.conf import settings
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0
"""A Redis that says nothing for so long counts as away: whoever calls has something better to do than to wait."""
AWAY = (RedisError, OSError, TimeoutError)
"""What a Redis that can't be reached raises."""

_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, redis.asyncio.Redis] = WeakKeyDictionary()


def sync_client() -> redis.Redis:
    """For threads. One retry, at once: that is for a pooled connection which the server has closed meanwhile."""
    return _sync_client(os.getpid())


@lru_cache(maxsize=1)
def _sync_client(pid: int) -> redis.Redis:
    return redis.Redis.from_url(
        settings.REDIS_URL,
        decode_responses=True,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 1),
    )


def async_client() -> redis.asyncio.Redis:
    """For the running event loop."""
    loop = asyncio.get_running_loop()
    client = _by_loop.get(loop)
    if client is None:
        client = _by_loop[loop] = redis.asyncio.Redis.from_url(
            settings.REDIS_URL,
            decode_responses=True,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            retry=AsyncRetry(NoBackoff(), 1),
        )
    return client
