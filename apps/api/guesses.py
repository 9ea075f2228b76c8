"""How many tokens one address may try that nobody has: as for sign-in, counted in Redis by allauth.

Nobody guesses 256 bits. This keeps whoever tries from busying the database, and what they look like in its logs short.
"""

from __future__ import annotations

import logging
import time

from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.http import HttpRequest

from apps.generations.errors import Refused
from apps.lib.redis import AWAY

logger = logging.getLogger(__name__)
APP, ACTION = "allauth.account", "api_token"
KNOWN_SECONDS = 600
MAX_KNOWN = 10_000
TOO_MANY = "Too many unknown API tokens were sent from this address. Check yours, and try again in a minute."

_known: dict[str, float] = {}
"""Hashes of tokens that this process let in, and when: their programs aren't kept out by another one at the same
address, and cost Redis nothing."""


def refuse_guessing(request: HttpRequest, token_hash: str) -> None:
    """Before the database is asked. Only reads: allauth's own check takes a lock, for which requests would wait."""
    if time.monotonic() - _known.get(token_hash, -KNOWN_SECONDS) < KNOWN_SECONDS:
        return
    try:
        for rate in ratelimit.get_rates(app=APP, action=ACTION):
            tried = cache.get(ratelimit.get_cache_key(request, app=APP, action=ACTION, rate=rate), [])
            if not ratelimit.apply_rate(tried, time.time(), rate, dry_run=True)[0]:
                again = int(rate.duration)
                raise Refused(status=429, code="rate_limit_exceeded", message=TOO_MANY, starts_in=again)
    except AWAY as error:
        logger.warning("guesses of API tokens aren't counted: %s", error)


def was_known(token_hash: str) -> None:
    if len(_known) >= MAX_KNOWN:
        _known.clear()
    _known[token_hash] = time.monotonic()


def was_a_guess(request: HttpRequest) -> None:
    try:
        ratelimit.consume(request, app=APP, action=ACTION, limit_get=True)
    except AWAY as error:
        logger.warning("a guess of an API token wasn't counted: %s", error)
