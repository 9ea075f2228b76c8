"""How Django answers over ASGI here: a request stays in one thread, from the first middleware to the view and back.

Django's own handler goes back to the event loop between any two middlewares and enters a thread again for those that
aren't asynchronous, about a dozen times a request. Nearly all views here are synchronous; those that aren't are called
by the event loop as ever, and what is streamed is streamed by it.
"""

from __future__ import annotations

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class OneThreadHandler(ASGIHandler):
    """Needs Django set up."""

    def load_middleware(self, is_async: bool = False) -> None:
        """As for WSGI, whatever `is_async` says."""
        super().load_middleware(is_async=False)

    async def get_response_async(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = await sync_to_async(self.get_response)(request)
        return response
