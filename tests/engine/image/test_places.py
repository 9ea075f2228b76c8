"""Who is drawn, and whose steps go together: plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from engine.image.places import Places
from engine.turns import Turns


@dataclass(eq=False)
class One:
    name: str
    user: str = ""
    priority: int = 0
    arrived: float = 0.0
    bucket: str = "small"
    rows: int = 2
    turn: int = field(default=0)


def test_one_bucket_at_a_time_and_the_others_next() -> None:
    places: Places[One] = Places(4)
    all_of_them = [One("a"), One("b", bucket="large"), One("c"), One("d", bucket="large")]
    for one in all_of_them:
        places.add(one)
    assert len(places.admit(0.0)) == 4
    assert [one.name for one in places.batch({})] == ["a", "c"]
    assert [one.name for one in places.batch({})] == ["b", "d"]
    assert [one.name for one in places.batch({"small": 2})] == ["a"]
    assert [one.name for one in places.batch({"small": 2})] == ["c"]


def test_who_has_used_less_is_drawn_first_and_priority_counts() -> None:
    places: Places[One] = Places(1)
    greedy, modest, urgent = One("greedy", "g"), One("modest", "m"), One("urgent", "u", priority=1)
    first = One("first", "g")
    places.add(first)
    places.admit(0.0)
    for one in (greedy, modest, urgent):
        places.add(one)
    places.charge(first, 1.0)
    order = []
    running = first
    for _ in range(3):
        places.remove(running)
        (running,) = places.admit(0.0)
        order.append(running.name)
    assert order == ["urgent", "modest", "greedy"]


@given(st.lists(st.sampled_from(["small", "large"]), min_size=1, max_size=12), st.integers(1, 5))
def test_everybody_gets_a_step_in_turn(buckets: list[str], most: int) -> None:
    places: Places[One] = Places(most)
    for number, bucket in enumerate(buckets):
        places.add(One(str(number), bucket=bucket))
    places.admit(0.0)
    seen = {one.name for _ in range(2) for one in places.batch({})}
    assert len(places.running) == min(most, len(buckets))
    assert seen == {one.name for one in places.running}


def test_turns_go_by_seconds_not_by_steps() -> None:
    turns, steps = Turns(), {"text": 0, "picture": 0}
    for _ in range(220):
        model = turns.next(["text", "picture"])
        assert model is not None
        steps[model] += 1
        turns.took(model, 0.01 if model == "text" else 0.1)
    assert abs(steps["text"] - 10 * steps["picture"]) <= 10


def test_a_pause_saves_nothing_up_and_costs_nothing() -> None:
    turns = Turns()
    for _ in range(50):
        turns.took(turns.next(["old"]) or "", 1.0)
    turns.next(["old", "new"])
    order = []
    for _ in range(6):
        model = turns.next(["old", "new"]) or ""
        order.append(model)
        turns.took(model, 1.0)
    assert sorted(order) == ["new"] * 3 + ["old"] * 3
    assert turns.next([]) is None


def test_who_looks_in_vain_lets_each_of_the_others_go_first() -> None:
    """And keeps nobody from its turn, however little its looks take."""
    turns, order = Turns(), list[str]()
    for _ in range(9):
        model = turns.next(["waiting", "text", "picture"]) or ""
        order.append(model)
        turns.took(model, 1e-6 if model == "waiting" else 1.0, in_vain=model == "waiting")
    assert {model: order.count(model) for model in order} == {"waiting": 3, "text": 3, "picture": 3}
