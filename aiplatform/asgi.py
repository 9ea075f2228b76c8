"""The web process: Django over HTTP, Channels over WebSocket."""

from __future__ import annotations

import os

from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import WebsocketDenier
from channels.sessions import CookieMiddleware
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiplatform.settings")
http = get_asgi_application()

from aiplatform.origins import SameOrigin  # noqa: E402  (needs Django set up)
from aiplatform.routing import websocket_urlpatterns  # noqa: E402

# Sockets sign people in themselves, from the session cookie, since they have to look again and again.
sockets = URLRouter([*websocket_urlpatterns, re_path("", WebsocketDenier.as_asgi())])

application = ProtocolTypeRouter({"http": http, "websocket": SameOrigin(CookieMiddleware(sockets))})
