"""How many tokens one address may try that nobody has: as for sign-in, counted in Redis by allauth.

Nobody guesses 256 bits. This keeps whoever tries from busying the database, and what they look like in its logs short.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress

from allauth.core.internal import ratelimit
from django.core.cache import cache
from django.http import HttpRequest

from apps.audit.record import AuditUnavailable, record_denied
from apps.generations.errors import Refused
from apps.lib.redis import AWAY

logger = logging.getLogger(__name__)
APP, ACTION = "allauth.account", "api_token"
KNOWN_SECONDS = 600
TOLD_SECONDS = 3600
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
        if rate := _holds(request):
            again = int(rate.duration)
            raise Refused(status=429, code="rate_limit_exceeded", message=TOO_MANY, starts_in=again)
    except AWAY as error:
        logger.warning("guesses of API tokens aren't counted: %s", error)


def was_known(token_hash: str) -> None:
    if len(_known) >= MAX_KNOWN:
        _known.clear()
    _known[token_hash] = time.monotonic()


def was_a_guess(request: HttpRequest) -> None:
    """The last one that an address has goes into the audit log, so that administrators see who guesses: not each, and
    of one who goes on not more than one an hour, or whoever guesses would fill the log.

    Raises AuditUnavailable."""
    try:
        ratelimit.consume(request, app=APP, action=ACTION, limit_get=True)
        if rate := _holds(request):
            _tell(request, rate)
    except AWAY as error:
        logger.warning("a guess of an API token wasn't counted: %s", error)


def _holds(request: HttpRequest) -> ratelimit.Rate | None:
    """The limit that keeps its address out now."""
    for rate in ratelimit.get_rates(app=APP, action=ACTION):
        tried = cache.get(ratelimit.get_cache_key(request, app=APP, action=ACTION, rate=rate), [])
        if not ratelimit.apply_rate(tried, time.time(), rate, dry_run=True)[0]:
            return rate
    return None


def _tell(request: HttpRequest, rate: ratelimit.Rate) -> None:
    key = f"api:guesses-told:{ratelimit.get_ip(request)}"
    if not cache.add(key, True, TOLD_SECONDS):
        return
    try:
        record_denied("api.token.guessed", guesses=rate.amount, seconds=int(rate.duration))
    except AuditUnavailable:
        with suppress(*AWAY):
            cache.delete(key)  # the next one tells
        raise
