"""Redis goes away and comes back: sends and pages work meanwhile, sockets say so once and recover."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from apps.conversations.consumers import ConversationConsumer
from apps.conversations.models import Conversation
from tests.conversations.build import send
from tests.conversations.socket import Page, page_of, sign_in
from tests.faults.servers import Valkey, own_valkey
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def valkey(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Valkey]:
    """One to kill."""
    monkeypatch.setattr(ConversationConsumer, "recheck_seconds", 0.3)
    with own_valkey(settings) as server:
        yield server


async def test_a_page_and_a_send_need_no_redis(world: World, conversation: Conversation, valkey: Valkey) -> None:
    await sync_to_async(valkey.kill)()
    client = await sign_in(world.editor)
    begun = time.monotonic()
    response = await sync_to_async(send)(client, conversation, "Is anybody there?")
    assert response.status_code == 201
    assert time.monotonic() - begun < 5
    shown = await sync_to_async(client.get)(f"/c/{conversation.pk}/messages/")
    assert len(shown.json()["messages"]) == 2


async def test_a_socket_opens_without_redis_and_says_so_once(
    world: World, conversation: Conversation, valkey: Valkey
) -> None:
    await sync_to_async(valkey.kill)()
    client = await sign_in(world.editor)
    page = Page(conversation.pk, client.session.session_key or "")
    assert await page.open()
    assert (await page.next("error"))["code"] == "degraded"
    assert (await page.next("hello"))["present"] == []
    await page.send(type="typing", on=True)
    await page.send(type="ping")
    assert await page.next("pong")
    assert await page.quiet(1.5)
    await page.leave()


async def test_an_open_socket_lives_through_an_outage(world: World, conversation: Conversation, valkey: Valkey) -> None:
    client = await sign_in(world.editor)
    async with page_of(world.editor, conversation.pk) as page:
        await sync_to_async(valkey.kill)()
        assert (await page.next("error"))["code"] == "degraded"
        await page.send(type="ping")
        assert await page.next("pong")
        await sync_to_async(valkey.start)()  # empty: it has forgotten every group
        await asyncio.sleep(2.5)
        await sync_to_async(send)(client, conversation, "Back again?")
        assert (await page.next("message"))["message"]["text"] == "Back again?"
