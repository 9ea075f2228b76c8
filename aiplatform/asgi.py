"""The web process: Django over HTTP, Channels over WebSocket."""

from __future__ import annotations

import gc
import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import WebsocketDenier
from channels.sessions import CookieMiddleware
from django.conf import settings
from django.urls import get_resolver, re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "aiplatform.settings")
django.setup(set_prefix=False)

from aiplatform.body_limit import BodyLimit  # noqa: E402  (these need Django set up)
from aiplatform.handler import OneThreadHandler  # noqa: E402
from aiplatform.origins import SameOrigin  # noqa: E402
from aiplatform.routing import websocket_urlpatterns  # noqa: E402

# Sockets sign people in themselves, from the session cookie, since they have to look again and again.
sockets = URLRouter([*websocket_urlpatterns, re_path("", WebsocketDenier.as_asgi())])

limited = BodyLimit(OneThreadHandler(), (settings.MAX_UPLOAD_MB + 1) * 1_000_000)  # a file, and the form around it

application = ProtocolTypeRouter({"http": limited, "websocket": SameOrigin(CookieMiddleware(sockets))})

# What was loaded until here stays for good: the collector need not look at it again, and what one request makes is
# mostly gone before the next thousand objects. Measured: 10 to 15 % less CPU time for sending a prompt.
_ = get_resolver().url_patterns  # the views, and all that they import
gc.collect()
gc.freeze()
gc.set_threshold(50_000, 20, 20)
