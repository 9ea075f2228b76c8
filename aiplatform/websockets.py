"""The WebSockets of the web process: uvicorn's, and one that we close is closed, also where its client takes nothing.

Closing a connection waits until its client has taken what was sent before. One that never reads, but whose kernel still
says so, would keep it for ever. Uvicorn has no limit for that, and lends its transport to nobody but its protocols.
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

CLOSE_SECONDS = 0.5
"""For the last bytes."""


class ClosingProtocol(WebSocketsSansIOProtocol):  # type: ignore[misc]  # uvicorn is not read for types
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, _ClosingTransport(transport)))


class _ClosingTransport:
    """A transport in all but its close, which is over after `CLOSE_SECONDS`."""

    def __init__(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def close(self) -> None:
        if not self._transport.is_closing():
            self._transport.close()
            asyncio.get_running_loop().call_later(CLOSE_SECONDS, self._transport.abort)
