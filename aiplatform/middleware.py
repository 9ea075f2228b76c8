"""Gives every request an id that logs and the audit log share, and lets none through whose address is no text."""

from __future__ import annotations

import re
from collections.abc import Callable

from django.http import Http404, HttpRequest
from django.http.response import HttpResponseBase

from apps.lib import context
from apps.lib.http import client_ip
from apps.lib.ids import new_id

GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")


def request_context(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        identifier = _enter(request)
        response = get_response(request)
        response["X-Request-ID"] = identifier
        return response

    return middleware


def addresses_are_text(
    get_response: Callable[[HttpRequest], HttpResponseBase],
) -> Callable[[HttpRequest], HttpResponseBase]:
    """Nothing is called NUL, and PostgreSQL can't even be asked."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        if "\x00" in request.path_info:
            raise Http404
        return get_response(request)

    return middleware


def _enter(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-ID", "")
    identifier = given if GIVEN.fullmatch(given) else new_id()
    context.request_id.set(identifier)
    context.client_ip.set(client_ip(request))
    return identifier
