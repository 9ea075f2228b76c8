"""Tokens over the socket: exact from any position, to everybody, and only to those who may read them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer
from django.test import Client

from aiplatform.asgi import application
from apps.accounts.actions.people import deactivate
from apps.conversations.models import Conversation
from apps.projects.actions.members import remove_member
from apps.projects.models import Membership
from tests.conversations.author import author_of
from tests.conversations.socket import HOST, ORIGIN, Page, page_of, sign_in
from tests.world import World

pytestmark = pytest.mark.django_db(transaction=True)
WORDS = [f"wörd{number} 🚢 " for number in range(40)]


class Reader:
    """Puts the text of a job together as the page does, and complains of anything that does not fit."""

    def __init__(self, page: Page, job: str) -> None:
        self.page, self.job, self.text, self.attempt, self.seq = page, job, "", 0, 0

    async def follow(self) -> None:
        await self.page.send(type="follow", job=self.job, attempt=self.attempt, seq=self.seq)

    async def read(self, *, until: Callable[[Reader], bool] | None = None) -> dict[str, Any]:
        """Up to the finish event, or until there is enough."""
        while until is None or not until(self):
            frame = await self.page.next("job")
            assert frame["job"] == self.job
            self.attempt, self.seq = frame.get("attempt", self.attempt), frame.get("seq", self.seq)
            event = frame["event"]
            if event["kind"] == "text":
                assert event["offset"] == len(self.text)
                self.text += event["text"]
            elif event["kind"] in {"snapshot", "reset"}:
                self.text = event.get("text", "")
            elif event["kind"] == "finish":
                self.text = event.get("text", self.text)
                return dict(event)
        return {}


async def test_everybody_reads_the_same_text(world: World, conversation: Conversation) -> None:
    author = await author_of(conversation)
    async with page_of(world.editor, conversation.pk) as one, page_of(world.viewer, conversation.pk) as other:
        readers = [Reader(one, author.id), Reader(other, author.id)]
        await readers[0].follow()
        reading = asyncio.gather(*(reader.read() for reader in readers))
        for number, word in enumerate(WORDS):
            await sync_to_async(author.write)(word)
            if number == 20:
                await readers[1].follow()
        await sync_to_async(author.end)()
        finishes = await reading
    assert [reader.text for reader in readers] == ["".join(WORDS)] * 2
    assert [finish["state"] for finish in finishes] == ["succeeded"] * 2
    assert finishes[0]["usage"]["completion_tokens"] == len(WORDS)


async def test_a_cut_socket_goes_on_from_its_cursor(world: World, conversation: Conversation) -> None:
    author = await author_of(conversation)
    reader: Reader | None = None
    for part in range(4):
        async with page_of(world.editor, conversation.pk) as page:
            if reader is None:
                reader = Reader(page, author.id)
            reader.page = page
            await reader.follow()
            for word in WORDS[part * 10 : part * 10 + 8]:
                await sync_to_async(author.write)(word)
            whole = len(author.text)
            await reader.read(until=lambda it, whole=whole: len(it.text) >= whole)  # type: ignore[misc]
        await sync_to_async(author.write)(*WORDS[part * 10 + 8 : part * 10 + 10])  # nobody listens
    await sync_to_async(author.end)()
    async with page_of(world.editor, conversation.pk) as page:
        assert reader
        reader.page = page
        await reader.follow()
        await reader.read()
    assert reader.text == "".join(WORDS)


async def test_a_long_log_is_replayed_whole(world: World, conversation: Conversation) -> None:
    author = await author_of(conversation)
    for _ in range(10):
        await sync_to_async(author.write)(*(f"{number} " for number in range(90)))
    await sync_to_async(author.end)()
    async with page_of(world.viewer, conversation.pk) as page:
        reader = Reader(page, author.id)
        await reader.follow()
        await reader.read()
    assert reader.text == author.text


async def test_nothing_follows_the_loss_of_access(world: World, conversation: Conversation) -> None:
    author = await author_of(conversation)
    async with page_of(world.viewer, conversation.pk) as page:
        reader = Reader(page, author.id)
        await reader.follow()
        await sync_to_async(author.write)("before")
        await reader.read(until=lambda it: it.text == "before")
        await Membership.objects.filter(user=world.viewer).adelete()
        await get_channel_layer().group_send(f"user.{world.viewer.pk}", {"type": "access.changed"})
        assert await page.close_code(seconds=1) == 4404
        await sync_to_async(author.write)("after")
        assert await page.quiet(1.2)


def _sign_out(world: World, client: Client) -> None:
    client.post("/accounts/logout/")


def _suspend(world: World, client: Client) -> None:
    deactivate(actor=world.admin, person=world.viewer)


def _remove(world: World, client: Client) -> None:
    remove_member(actor=world.owner, project=world.project, person=world.viewer)


@pytest.mark.parametrize(("lose", "code"), [(_sign_out, 4401), (_suspend, 4401), (_remove, 4404)])
async def test_a_stream_ends_soon_after_its_reader_may_not_be_there(
    world: World, conversation: Conversation, lose: Callable[[World, Client], None], code: int
) -> None:
    author = await author_of(conversation)
    client = await sign_in(world.viewer)
    page = Page(conversation.pk, client.session.session_key or "")
    assert await page.open()
    await page.next("hello")
    reader = Reader(page, author.id)
    await reader.follow()
    await sync_to_async(author.write)("before")
    await reader.read(until=lambda it: it.text == "before")

    async def go_on() -> None:
        while True:
            await sync_to_async(author.write)("more")
            await asyncio.sleep(0.05)

    writing = asyncio.create_task(go_on())
    try:
        await sync_to_async(lose)(world, client)
        assert await page.close_code(seconds=2) == code
        assert await page.quiet()
    finally:
        writing.cancel()


async def test_unfollowed_is_silent(world: World, conversation: Conversation) -> None:
    author = await author_of(conversation)
    async with page_of(world.editor, conversation.pk) as page:
        reader = Reader(page, author.id)
        await reader.follow()
        await sync_to_async(author.write)("one")
        await reader.read(until=lambda it: it.text == "one")
        await page.send(type="unfollow", job=author.id)
        await page.send(type="ping")
        await page.next("pong")
        await sync_to_async(author.write)("two")
        assert await page.quiet(1.2)


class Deaf:
    """A client that connects, asks, and then reads nothing more."""

    def __init__(self, conversation_id: str, session_key: str) -> None:
        cookie = f"sessionid={session_key}".encode()
        self.scope = {
            "type": "websocket",
            "path": f"/ws/conversations/{conversation_id}/",
            "headers": [(b"host", HOST.encode()), (b"origin", ORIGIN.encode()), (b"cookie", cookie)],
        }
        self.says: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.greeted = asyncio.Event()
        self.taken = 0

    async def send(self, message: dict[str, Any]) -> None:
        if message["type"] == "websocket.accept":
            return
        if self.greeted.is_set():
            await asyncio.Event().wait()  # the buffers of the connection are full
        self.taken += 1
        if json.loads(message["text"])["type"] == "hello":
            self.greeted.set()

    def run(self) -> Awaitable[None]:
        self.says.put_nowait({"type": "websocket.connect"})
        return application(self.scope, self.says.get, self.send)  # type: ignore[no-any-return]


async def test_a_client_that_never_reads_is_let_go(
    world: World, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("apps.generations.socket.outbox.SLOW_SECONDS", 0.5)
    authors = [await author_of(conversation) for _ in range(4)]
    client = Deaf(conversation.pk, (await sign_in(world.viewer)).session.session_key or "")
    running = asyncio.ensure_future(client.run())
    await client.greeted.wait()
    for author in authors:
        for _ in range(10):
            await sync_to_async(author.write)(*("x" * 1000 for _ in range(50)))
        frame = {"type": "follow", "job": author.id, "attempt": 0, "seq": 0}
        client.says.put_nowait({"type": "websocket.receive", "text": json.dumps(frame)})
    begun = time.monotonic()
    await asyncio.wait_for(running, 5)
    assert time.monotonic() - begun < 4
    assert client.taken == 1
