"""Gives every request an id that logs and the audit log share."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.utils.decorators import sync_and_async_middleware

from apps.lib import context
from apps.lib.http import client_ip
from apps.lib.ids import new_id

GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")


@sync_and_async_middleware
def request_context(
    get_response: Callable[[HttpRequest], HttpResponse] | Callable[[HttpRequest], Awaitable[HttpResponse]],
) -> Callable[[HttpRequest], HttpResponse] | Callable[[HttpRequest], Awaitable[HttpResponse]]:
    if iscoroutinefunction(get_response):

        async def async_middleware(request: HttpRequest) -> HttpResponse:
            identifier = _enter(request)
            response: HttpResponse = await get_response(request)
            response["X-Request-ID"] = identifier
            return response

        markcoroutinefunction(async_middleware)
        return async_middleware

    def middleware(request: HttpRequest) -> HttpResponse:
        identifier = _enter(request)
        response = get_response(request)
        assert isinstance(response, HttpResponse) or hasattr(response, "headers")
        response["X-Request-ID"] = identifier  # type: ignore[index]
        return response  # type: ignore[return-value]

    return middleware


def _enter(request: HttpRequest) -> str:
    given = request.headers.get("X-Request-ID", "")
    identifier = given if GIVEN.fullmatch(given) else new_id()
    context.request_id.set(identifier)
    context.client_ip.set(client_ip(request))
    return identifier
