"""The permission matrix of the sockets: every command that there is, for everybody."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from asgiref.sync import sync_to_async
from channels.layers import channel_layers

from aiplatform.routing import websocket_urlpatterns
from apps.conversations.socket import frames
from apps.generations.models import GenerationJob, State
from apps.studio.socket import frames as studio_frames
from tests.conversations.build import answered, asked, listed_model, make_conversation
from tests.conversations.socket import FOREIGN, Page, sign_in
from tests.generations.pictures import hosted_painter
from tests.matrix.tables import PEOPLE, SOCKET, STUDIO_SOCKET, rows
from tests.studio.build import painted
from tests.studio.socket import Studio
from tests.world import World, make_world

ROWS = [("conversation", row) for row in rows(SOCKET)] + [("studio", row) for row in rows(STUDIO_SOCKET)]
FRAMES = {"conversation": frames.Frame, "studio": studio_frames.Frame}
PAGES = {"conversation": Page, "studio": Studio}


@pytest.fixture(autouse=True)
def fresh_channel_layer() -> None:
    """The layer of channels_redis keeps locks of an event loop; every test has another loop."""
    channel_layers.backends.clear()


@pytest.mark.parametrize("place", FRAMES)
def test_every_command_is_in_the_table(place: str) -> None:
    commands = {frame.__name__.lower() for frame in get_args(FRAMES[place])}
    assert commands == {row.route for where, row in ROWS if where == place} - {"nothing"}


def test_every_address_is_here() -> None:
    assert {str(route.pattern).split("/")[1] for route in websocket_urlpatterns} == {
        kind.place for kind in PAGES.values()
    }


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("place", PAGES)
async def test_a_page_of_another_site_gets_no_socket(place: str) -> None:
    world, identifier, _ = await sync_to_async(SCENES[place])()
    key = (await sign_in(world.owner)).session.session_key or ""
    for origin in FOREIGN:
        assert not await PAGES[place](identifier, key, origin).open(), origin
    assert await PAGES[place](identifier, key).open()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("place", "row"), ROWS, ids=lambda each: each if isinstance(each, str) else each.route)
async def test_everybody_gets_what_the_table_says(place: str, row: Any) -> None:
    world, identifier, job = await sync_to_async(SCENES[place])()
    found = {person: await _try(world, person, PAGES[place], identifier, job, row.route) for person in PEOPLE}
    assert found == row.expected


def _conversation() -> tuple[World, str, GenerationJob]:
    world = make_world()
    conversation = make_conversation(world.project, world.owner, listed_model(), "Tides")
    answer = answered(asked(conversation, "When is high tide?"), "At noon.", State.SUCCEEDED)
    assert answer.job
    return world, conversation.pk, answer.job


def _studio() -> tuple[World, str, GenerationJob]:
    world = make_world()
    picture = painted(world.project, world.owner, hosted_painter())
    assert picture.job
    return world, world.project.pk, picture.job


SCENES = {"conversation": _conversation, "studio": _studio}


async def _try(world: World, person: str, kind: type[Page], identifier: str, job: GenerationJob, command: str) -> str:
    """The close code where the socket is refused, else what the command is answered with."""
    key = ""
    if person != "anonymous":
        key = (await sign_in(world.person(person))).session.session_key or ""
    page = kind(identifier, key)
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
