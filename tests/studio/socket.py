"""A browser's end of a studio's socket, against the whole ASGI application."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from apps.accounts.models import User
from tests.conversations.socket import Page, sign_in


class Studio(Page):
    """One open socket; `hello` is what it was greeted with."""

    place = "studio"
    hello: dict[str, Any]


@asynccontextmanager
async def studio_of(user: User, project_id: str) -> AsyncIterator[Studio]:
    """A page that is open and was greeted."""
    client = await sign_in(user)
    page = Studio(project_id, client.session.session_key or "")
    assert await page.open()
    page.hello = await page.next("hello")
    try:
        yield page
    finally:
        await page.leave()
