"""The permission matrix of the conversation's socket: every command that there is, for everybody."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from asgiref.sync import sync_to_async

from apps.conversations.models import Conversation
from apps.conversations.socket import frames
from apps.generations.models import GenerationJob, State
from tests.conversations.build import answered, asked, listed_model, make_conversation
from tests.conversations.socket import Page, sign_in
from tests.matrix.tables import PEOPLE, SOCKET, rows
from tests.world import World, make_world

ROWS = rows(SOCKET)


def test_every_command_is_in_the_table() -> None:
    commands = {frame.__name__.lower() for frame in get_args(frames.Frame)}
    assert commands == {row.route for row in ROWS} - {"nothing"}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.route)
async def test_everybody_gets_what_the_table_says(row: Any) -> None:
    world, conversation, job = await sync_to_async(_scene)()
    found = {person: await _try(world, person, conversation, job, row.route) for person in PEOPLE}
    assert found == row.expected


def _scene() -> tuple[World, Conversation, GenerationJob]:
    world = make_world()
    conversation = make_conversation(world.project, world.owner, listed_model(), "Tides")
    answer = answered(asked(conversation, "When is high tide?"), "At noon.", State.SUCCEEDED)
    assert answer.job
    return world, conversation, answer.job


async def _try(world: World, person: str, conversation: Conversation, job: GenerationJob, command: str) -> str:
    """The close code where the socket is refused, else what the command is answered with."""
    key = ""
    if person != "anonymous":
        key = (await sign_in(world.person(person))).session.session_key or ""
    page = Page(conversation.pk, key)
    assert await page.open()
    if person in {"anonymous", "stranger", "admin"}:
        return str(await page.close_code())
    await page.next("hello")
    try:
        return "hello" if command == "nothing" else await _answer(page, command, job)
    finally:
        await page.leave()


async def _answer(page: Page, command: str, job: GenerationJob) -> str:
    more: dict[str, Any] = {"follow": {"job": job.pk}, "unfollow": {"job": job.pk}, "cancel": {"job": job.pk}}.get(
        command, {"on": True} if command == "typing" else {}
    )
    await page.send(type=command, **more)
    if command != "follow":  # the others answer with an error or not at all: then this is answered first
        await page.send(type="ping")
    return await _first_of(page, {"job", "error", "pong"})


async def _first_of(page: Page, kinds: set[str]) -> str:
    while True:
        message = await page._socket.receive_output(timeout=5)
        if (kind := json.loads(message["text"])["type"]) in kinds:
            return str(kind)
