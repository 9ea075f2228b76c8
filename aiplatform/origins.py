"""Which pages may open a socket: browsers send cookies with any page's WebSocket, so the Origin has to be ours."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

Scope = dict[str, Any]
Application = Callable[[Scope, Any, Any], Awaitable[None]]


class SameOrigin:
    """Refuses (403) a handshake whose Origin is missing, `null` or another site's.

    Ours is the address that the request itself names in Host, or one of CSRF_TRUSTED_ORIGINS. Unlike Channels'
    AllowedHostsOriginValidator this tells ports apart: another program on the same machine is another site.
    """

    def __init__(self, application: Application) -> None:
        self.application = application

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        application = self.application if is_ours(scope) else WebsocketDenier.as_asgi()
        await application(scope, receive, send)


def is_ours(scope: Scope) -> bool:
    headers = {name: value.decode("latin1") for name, value in scope.get("headers", [])}
    origin, host = headers.get(b"origin", "").lower(), headers.get(b"host", "").lower()
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    scheme = "https" if settings.HTTPS else "http"
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    domain, _ = split_domain_port(host)
    return (
        bool(domain)
        and (parts.scheme, parts.netloc) == (scheme, host)
        and validate_host(domain, settings.ALLOWED_HOSTS)
    )
