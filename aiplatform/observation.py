"""One log line and one measurement for every request. Never a query string, a form or a token."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from prometheus_client import Counter, Histogram

from aiplatform.addresses import address_of, route_of

logger = logging.getLogger("atrium.access")

REQUESTS = Counter("atrium_http_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "atrium_http_request_seconds",
    "From the request to the head of its answer",
    ["method", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
QUIET = {"healthz", "readyz", "metrics", "(static)"}


def observe(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        response = get_response(request)
        _note(request, response.status_code, time.perf_counter() - began)
        return response

    return middleware


def _note(request: HttpRequest, status: int, seconds: float) -> None:
    # What the client makes up (unknown methods and addresses) must not become labels without end.
    method = request.method if request.method in METHODS else "(other)"
    route = route_of(request)
    REQUESTS.labels(method, route, status).inc()
    SECONDS.labels(method, route).observe(seconds)
    level = logging.DEBUG if route in QUIET and status < 500 else logging.INFO
    milliseconds = round(seconds * 1000, 1)
    logger.log(
        level,
        "%s /%s %d in %.0f ms",
        method,
        address_of(request),
        status,
        milliseconds,
        extra={"method": method, "route": route, "status": status, "ms": milliseconds},
    )
