"""How Django is called over ASGI."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from asgiref.testing import ApplicationCommunicator
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.test import override_settings
from django.urls import path

from aiplatform.handler import OneThreadHandler

seen: list[tuple[str, int]] = []


def note(name: str) -> None:
    seen.append((name, threading.get_ident()))


def outer(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    def middleware(request: HttpRequest) -> HttpResponseBase:
        note("outer, before")
        response = get_response(request)
        note("outer, after")
        return response

    return middleware


def view(request: HttpRequest) -> HttpResponse:
    note("view")
    return HttpResponse("Here.")


async def waiting_view(request: HttpRequest) -> HttpResponse:
    note("waiting view")
    return HttpResponse("Here too.")


def meeting_view(request: HttpRequest) -> HttpResponse:
    meeting.wait(20)
    return view(request)


def long_view(request: HttpRequest) -> HttpResponse:
    has_begun.set()
    may_end.wait(20)
    return HttpResponse("Too late.")


meeting, has_begun, may_end = threading.Barrier(2), threading.Event(), threading.Event()
urlpatterns = [
    path("", view), path("waiting/", waiting_view), path("meeting/", meeting_view), path("long/", long_view)
]  # fmt: skip
MIDDLEWARE = [f"{__name__}.outer", "django.middleware.common.CommonMiddleware"]


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE)
async def test_a_request_stays_in_one_thread_from_the_first_middleware_to_the_view_and_back() -> None:
    seen.clear()
    assert await body_of("/") == b"Here."
    assert [name for name, _ in seen] == ["outer, before", "view", "outer, after"]
    assert len({thread for _, thread in seen}) == 1
    assert seen[0][1] != threading.get_ident(), "the event loop's own"


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=MIDDLEWARE)
async def test_a_view_that_waits_is_called_by_the_event_loop() -> None:
    seen.clear()
    assert await body_of("/waiting/") == b"Here too."
    assert dict(seen)["waiting view"] == threading.get_ident()


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[])
async def test_the_next_request_has_the_thread_of_the_last_and_two_at_once_have_one_each() -> None:
    seen.clear()
    handler = OneThreadHandler()
    for _ in range(3):
        await body_of("/", handler)
        await asyncio.sleep(0.1)  # until it is given back
    assert len({thread for _, thread in seen}) == 1
    assert set(await asyncio.gather(*(body_of("/meeting/", handler) for _ in range(2)))) == {b"Here."}
    assert len({thread for _, thread in seen[3:]}) == 2


@override_settings(ROOT_URLCONF=__name__, MIDDLEWARE=[])
async def test_nobody_waits_for_a_view_whose_client_has_left() -> None:
    handler = OneThreadHandler()
    left = await client_of("/long/", handler)
    assert await asyncio.to_thread(has_begun.wait, 20)
    await left.send_input({"type": "http.disconnect"})  # type: ignore[no-untyped-call]
    await left.wait()  # type: ignore[no-untyped-call]
    try:
        assert await asyncio.wait_for(body_of("/", handler), 10) == b"Here."
    finally:
        may_end.set()


async def client_of(address: str, handler: OneThreadHandler) -> ApplicationCommunicator:
    """One that has sent its request."""
    scope = {
        "type": "http",
        "method": "GET",
        "path": address,
        "headers": [(b"host", b"testserver")],
        "query_string": b"",
    }
    client = ApplicationCommunicator(handler, scope)  # type: ignore[no-untyped-call]
    await client.send_input({"type": "http.request", "body": b""})  # type: ignore[no-untyped-call]
    return client


async def body_of(address: str, handler: OneThreadHandler | None = None) -> bytes:
    client = await client_of(address, handler or OneThreadHandler())
    assert (await client.receive_output(10))["status"] == 200  # type: ignore[no-untyped-call]
    body: bytes = (await client.receive_output(10))["body"]  # type: ignore[no-untyped-call]
    await client.wait()  # type: ignore[no-untyped-call]
    return body
