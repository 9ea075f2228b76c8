"""A browser's end of a conversation's socket, against the whole ASGI application."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.conf import settings
from django.test import Client

from aiplatform.asgi import application
from apps.accounts.models import User

HOST = "localhost:8000"
ORIGIN = f"http://{HOST}"
FOREIGN = (
    None, "null", "", "https://evil.example", "http://localhost:9999", "http://localhost", "https://localhost:8000",
    "http://localhost:8000.evil.example", "file://", "http://[", "http://user@localhost:8000", "\x00", "é" * 300,
)  # fmt: skip
"""What the pages of other sites say that they are, or keep to themselves."""


async def sign_in(user: User) -> Client:
    client = Client()
    await sync_to_async(client.force_login)(user)
    return client


class Page:
    """One open socket, at `place` and the id of what is looked at."""

    place = "conversations"

    def __init__(self, identifier: str, session_key: str = "", origin: str | None = ORIGIN) -> None:
        headers = [(b"host", HOST.encode())]
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        if session_key:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session_key}".encode()))
        scope = {"type": "websocket", "path": f"/ws/{self.place}/{identifier}/", "headers": headers}
        self._socket = ApplicationCommunicator(application, scope)

    async def open(self) -> bool:
        """Whether the handshake was accepted."""
        await self._socket.send_input({"type": "websocket.connect"})
        answer = await self._socket.receive_output(timeout=5)
        return bool(answer["type"] == "websocket.accept")

    async def send(self, **frame: Any) -> None:
        await self.send_raw(json.dumps(frame))

    async def send_raw(self, text: str | None = None, data: bytes | None = None) -> None:
        await self._socket.send_input({"type": "websocket.receive", "text": text, "bytes": data})

    async def next(self, kind: str, seconds: float = 20) -> dict[str, Any]:
        """The next frame of this kind; others before it are passed over."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self._socket.receive_output(timeout=seconds)
                assert message["type"] == "websocket.send", message
                frame: dict[str, Any] = json.loads(message["text"])
                if frame["type"] == kind:
                    return frame

    async def until_present(self, *names: str) -> None:
        """Wait for the picture in which exactly these people are here; a typing one is written with an ellipsis."""
        while True:
            present = (await self.next("presence"))["present"]
            if [person["name"] + ("…" if person["typing"] else "") for person in present] == list(names):
                return

    async def close_code(self, seconds: float = 20) -> int:
        """Wait for the close; frames before it are passed over."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self._socket.receive_output(timeout=seconds)
                if message["type"] == "websocket.close":
                    return int(message.get("code", 1000))

    async def quiet(self, seconds: float = 0.3) -> bool:
        return bool(await self._socket.receive_nothing(timeout=seconds))

    async def leave(self) -> None:
        await self._socket.send_input({"type": "websocket.disconnect", "code": 1001})
        await self._socket.wait(timeout=5)


@asynccontextmanager
async def page_of(user: User, conversation_id: str) -> AsyncIterator[Page]:
    """A page that is open and was greeted."""
    client = await sign_in(user)
    page = Page(conversation_id, client.session.session_key or "")
    assert await page.open()
    page.hello = await page.next("hello")  # type: ignore[attr-defined]
    try:
        yield page
    finally:
        await page.leave()
