"""manage.py web: one web process, HTTP and WebSockets."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

import uvicorn
from django.core.management.base import BaseCommand

from aiplatform.websockets import ClosingProtocol
from apps.api import following

MAX_FRAME_BYTES = 65536


class Server(uvicorn.Server):  # type: ignore[misc]  # its types are not read
    """Programs that wait for an answer hear of the end while there is time for it."""

    async def shutdown(self, *args: Any, **options: Any) -> None:
        following.close()
        await super().shutdown(*args, **options)


class Command(BaseCommand):
    help = "Run the web process. Start several behind a proxy for more load; they share nothing but their servers."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        config = uvicorn.Config(
            "aiplatform.asgi:application",
            host=options["host"],
            port=options["port"],
            lifespan="off",
            log_config=None,  # Django's: one JSON object a line
            access_log=False,  # ours says more: see aiplatform/observation.py
            proxy_headers=False,  # who is believed about addresses is decided in one place: apps/lib/http.py
            server_header=False,
            ws=ClosingProtocol,
            ws_max_size=MAX_FRAME_BYTES,
            ws_per_message_deflate=False,  # a small frame could unpack to a large one
            ws_ping_interval=5,  # a client that is gone, or never reads, is let go within 15 s, its close included
            ws_ping_timeout=8,
            timeout_graceful_shutdown=5,
            timeout_keep_alive=130,  # Caddy keeps idle ones 120 s, nginx 60: whoever closes first may cut a request off
        )
        with suppress(KeyboardInterrupt):
            Server(config).run()
