"""The WebSocket half of the demo: follows one job and gives its events in order."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from websockets.typing import Origin

from aiplatform.demo import DemoFailed
from aiplatform.demo.visitor import Visitor

SILENCE_SECONDS = 120


def events(visitor: Visitor, conversation: str, job: str) -> Iterator[dict[str, Any]]:
    """The events of `job` from its first to `finish`. Raises DemoFailed on silence or a lost connection."""
    address = f"{visitor.socket_url}/ws/conversations/{conversation}/"
    try:
        with connect(
            address,
            origin=Origin(visitor.url),
            additional_headers=visitor.socket_headers,
            compression=None,
            proxy=None,
        ) as socket:
            socket.send(json.dumps({"type": "follow", "job": job, "attempt": 0, "seq": 0}))
            while True:
                message = json.loads(socket.recv(timeout=SILENCE_SECONDS))
                if message["type"] == "error":
                    raise DemoFailed(str(message["message"]))
                if message["type"] != "job" or message["job"] != job:
                    continue
                yield message["event"]
                if message["event"]["kind"] == "finish":
                    return
    except TimeoutError as error:
        raise DemoFailed(f"Nothing was heard of the job for {SILENCE_SECONDS} s. Is a worker running?") from error
    except (OSError, WebSocketException) as error:
        raise DemoFailed(f"The WebSocket failed: {error}") from error
