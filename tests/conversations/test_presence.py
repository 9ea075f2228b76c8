"""Who is here, in a real Redis."""

from __future__ import annotations

import asyncio

import pytest

from apps.conversations import presence
from apps.lib.ids import new_id

ADA = {"id": "a", "name": "Ada", "initials": "A"}
BEN = {"id": "b", "name": "Ben", "initials": "B"}


async def names(conversation: str) -> list[str]:
    return [person["name"] + ("…" if person["typing"] else "") for person in await presence.present(conversation)]


async def test_people_come_type_and_go() -> None:
    here = new_id()
    assert await names(here) == []
    await presence.touch(here, "socket-b", BEN, typing=False)
    await presence.touch(here, "socket-a", ADA, typing=True)
    assert await presence.present(here) == [{**ADA, "typing": True}, {**BEN, "typing": False}]
    await presence.touch(here, "socket-a", ADA, typing=False)
    assert await names(here) == ["Ada", "Ben"]
    await presence.leave(here, "socket-a")
    assert await names(here) == ["Ben"]


async def test_several_tabs_are_one_person_who_types_in_any() -> None:
    here = new_id()
    await presence.touch(here, "tab-1", ADA, typing=False)
    await presence.touch(here, "tab-2", ADA, typing=True)
    assert await names(here) == ["Ada…"]
    await presence.leave(here, "tab-2")
    assert await names(here) == ["Ada"]


async def test_a_socket_that_crashed_expires(monkeypatch: pytest.MonkeyPatch) -> None:
    here = new_id()
    await presence.touch(here, "alive", BEN, typing=False)
    monkeypatch.setattr(presence, "ALIVE_SECONDS", 3)
    await presence.touch(here, "crashed", ADA, typing=True)
    assert await names(here) == ["Ada…", "Ben"]
    async with asyncio.timeout(20):
        while await names(here) != ["Ben"]:  # noqa: ASYNC110 - it is Redis that waits
            await asyncio.sleep(0.1)


async def test_conversations_are_apart() -> None:
    one, other = new_id(), new_id()
    await presence.touch(one, "socket", ADA, typing=False)
    assert await names(other) == []
