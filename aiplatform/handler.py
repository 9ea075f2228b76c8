"""How Django answers over ASGI here: a request stays in one thread, from the first middleware to the view and back.

Django's own handler goes back to the event loop between any two middlewares and enters a thread again for those that
aren't asynchronous, about a dozen times a request. Nearly all views here are synchronous; those that aren't are called
by the event loop as ever, and what is streamed is streamed by it.

The thread is the next request's afterwards, with all that Django keeps of it there, such as its side of the database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from asgiref.sync import ThreadSensitiveContext, sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase

MOST_KEPT = 32
"""Threads that wait for the next request. More are made as they are needed, and given up."""


class OneThreadHandler(ASGIHandler):
    """Needs Django set up."""

    def __init__(self) -> None:
        super().__init__()
        self._free: list[ThreadPoolExecutor] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        with self._thread() as thread:
            async with ThreadSensitiveContext(executor=thread):
                await self.handle(scope, receive, send)

    @contextmanager
    def _thread(self) -> Iterator[ThreadPoolExecutor]:
        """Nobody else's until the request is over. Called by the event loop alone."""
        thread = self._free.pop() if self._free else ThreadPoolExecutor(1, thread_name_prefix="request")
        try:
            yield thread
        finally:
            # Behind what is still running there: a view goes on when its client has left.
            thread.submit(asyncio.get_running_loop().call_soon_threadsafe, self._keep, thread)

    def _keep(self, thread: ThreadPoolExecutor) -> None:
        if len(self._free) < MOST_KEPT:
            self._free.append(thread)
        else:
            thread.shutdown(wait=False)

    def load_middleware(self, is_async: bool = False) -> None:
        """As for WSGI, whatever `is_async` says."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await sync_to_async(self.get_response)(request)
        return response
