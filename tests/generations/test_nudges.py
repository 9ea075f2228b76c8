"""The connection over which nudges come: one for whoever listens, kept a while for who listens next."""

from __future__ import annotations

import asyncio

import pytest

from apps.generations import nudges
from apps.generations.log import nudge_to_look
from apps.lib.database import in_thread
from apps.lib.ids import new_id
from apps.lib.redis import sync_client


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """One entry for each that was begun."""
    begun: list[str] = []
    real = nudges.async_client

    def counted() -> object:
        begun.append("one more")
        return real()

    monkeypatch.setattr(nudges, "async_client", counted)
    return begun


async def heard(hub: nudges.Hub) -> bool:
    """Whether a nudge for a new job comes to a new listener."""
    job = new_id()
    async with hub.listen(job) as inbox:
        await in_thread(nudge_to_look, sync_client(), job)
        return await inbox.get(5) is not None


async def test_one_listener_after_another_hears_over_one_connection(connections: list[str]) -> None:
    hub = nudges.Hub()
    for _ in range(3):
        assert await heard(hub)
    assert len(connections) == 1


async def test_it_is_given_up_after_a_while_and_there_again_for_the_next(
    connections: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nudges, "LINGER_SECONDS", 0.01)
    hub = nudges.Hub()
    for _ in range(3):
        assert await heard(hub)
        await asyncio.sleep(0.1)
    assert len(connections) == 3


async def test_who_comes_in_time_keeps_it(connections: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nudges, "LINGER_SECONDS", 0.2)
    hub = nudges.Hub()
    assert await heard(hub)
    async with hub.listen(new_id()):
        await asyncio.sleep(0.4)  # longer than that, and somebody listens
        assert await heard(hub)
    assert len(connections) == 1
