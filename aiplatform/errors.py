"""What a request gets when it failed: 503 where a server that we need is away, 500 otherwise."""

from __future__ import annotations

import sys

from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from redis.exceptions import RedisError

from apps.api.refusing import refused
from apps.generations.errors import Refused

AWAY = (OperationalError, InterfaceError, RedisError)
RETRY_SECONDS = 10


UNAVAILABLE = Refused(
    status=503, code="unavailable", message="A server that this site needs is away just now. Ask again in a moment."
)
FAILED = Refused(
    status=500,
    code="internal_error",
    message="Something went wrong here. It is written down; if it happens again, tell an administrator.",
)


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: called while the exception is being handled. Its pages need neither server."""
    is_away, is_program = isinstance(sys.exc_info()[1], AWAY), request.path.startswith("/v1/")
    if is_program:
        response: HttpResponse = refused(UNAVAILABLE if is_away else FAILED)
    else:
        status = 503 if is_away else 500
        response = HttpResponse(render_to_string(f"{status}.html"), status=status)
    if is_away:
        response["Retry-After"] = str(RETRY_SECONDS)
    return response
