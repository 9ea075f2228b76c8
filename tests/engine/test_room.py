"""Who makes room for whom, on any mixture of models."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.room import Footprint, NeverFits, Resident, Room, room_for

MIB = 2**20
sizes = st.integers(0, 60)
footprints = st.builds(
    lambda weights, least, more: Footprint(weights, least, least + more), sizes, st.integers(1, 20), st.integers(0, 80)
)
residents = st.lists(st.tuples(st.integers(1, 60), st.booleans()), max_size=6).map(
    lambda found: [Resident(f"m{number}", size, busy) for number, (size, busy) in enumerate(found)]
)
limits = st.none() | st.integers(1, 6)


@settings(deadline=None)
@given(footprints, st.integers(1, 200), residents, limits)
def test_what_is_promised(wanted: Footprint, budget: int, loaded: list[Resident], most: int | None) -> None:
    try:
        room = room_for(wanted, budget, loaded, most)
    except NeverFits:
        assert wanted.weights + wanted.least_cache > budget
        return
    busy = [one for one in loaded if one.busy]
    if room is None:
        full = most is not None and len(busy) >= most
        assert full or sum(one.size for one in busy) + wanted.least > budget, "it would have fitted"
        return
    kept = [one for one in loaded if one.name not in room.evict]
    assert not set(room.evict) & {one.name for one in busy}, "busy models stay"
    assert sum(one.size for one in kept) + wanted.weights + room.cache <= budget
    assert wanted.least_cache <= room.cache <= wanted.full_cache
    assert most is None or len(kept) < most
    idle = [one.name for one in loaded if not one.busy]
    assert list(room.evict) == idle[: len(room.evict)], "the longest unused go first"


@settings(deadline=None)
@given(footprints, st.integers(1, 200), residents)
def test_nobody_leaves_without_need(wanted: Footprint, budget: int, loaded: list[Resident]) -> None:
    if sum(one.size for one in loaded) + wanted.weights + wanted.full_cache <= budget:
        assert room_for(wanted, budget, loaded) == Room((), wanted.full_cache)


def test_a_smaller_cache_rather_than_waiting_for_a_busy_model() -> None:
    wanted, busy = Footprint(50, 10, 40), Resident("busy", 35, True)
    assert room_for(wanted, 100, [busy]) == Room((), 15)
    assert room_for(wanted, 90, [busy]) is None
    assert room_for(wanted, 90, [Resident("idle", 35, False)]) == Room(("idle",), 40)


def test_what_never_fits_says_how_much_and_what_to_do() -> None:
    with pytest.raises(NeverFits, match=r"needs 2,148 MiB \(2,048 of weights and 100 of cache .* 1,000 MiB .* Raise"):
        room_for(Footprint(2048 * MIB, 100 * MIB, 800 * MIB), 1000 * MIB, [])
