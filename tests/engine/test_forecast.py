"""How long a request would wait: what holds on any load, and how near it comes to what the scheduler does."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.forecast import Forecast, Work
from engine.load_times import LoadTime, LoadTimes
from engine.overload import too_long
from engine.text.block_manager import BlockManager
from engine.text.scheduler import Scheduler
from engine.text.sequence import Sequence

STEP, PROMPT_TOKEN = 0.02, 0.001
works = st.builds(Work, st.integers(0, 400), st.integers(1, 300))
lines = st.lists(works, max_size=8)


def measured() -> Forecast:
    forecast = Forecast()
    forecast.took(4, 0, STEP)
    forecast.took(0, 100, 100 * PROMPT_TOKEN)
    return forecast


def waits(running: list[Work], waiting: list[Work], places: int) -> float:
    wait = measured().wait(running, waiting, places)
    assert wait is not None
    return wait


@settings(deadline=None)
@given(lines, lines, st.integers(8, 12))
def test_more_ahead_never_means_a_shorter_wait(running: list[Work], waiting: list[Work], places: int) -> None:
    wait = waits(running, waiting, places)
    assert wait >= 0
    assert waits(running, [*waiting, Work(10, 10)], places) >= wait
    assert waits(running, waiting, places + 1) <= wait
    for index, work in enumerate(waiting):
        longer = [*waiting[:index], Work(work.prompt + 5, work.completion + 5), *waiting[index + 1 :]]
        assert waits(running, longer, places) >= wait


@settings(deadline=None)
@given(lines, lines, st.integers(8, 12))
def test_the_wait_lies_between_perfect_sharing_and_one_after_another(
    running: list[Work], waiting: list[Work], places: int
) -> None:
    wait, ahead = waits(running, waiting, places), [*running, *waiting]
    reading = sum(work.prompt for work in ahead) * PROMPT_TOKEN
    assert wait <= reading + sum(work.completion for work in ahead) * STEP + 1e-9
    if len(ahead) < places:
        assert wait == pytest.approx(reading)


def test_nothing_is_said_before_it_was_measured() -> None:
    assert Forecast().wait([], [], 1) == 0
    assert Forecast().wait([Work(0, 5)], [], 1) is None
    assert Forecast().wait([Work(5, 1)], [], 2) is None


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50)), max_size=20), st.integers(0, 50), st.integers(1, 50))
def test_what_is_expected_of_a_completion_is_possible(ended: list[tuple[int, int]], made: int, more: int) -> None:
    forecast = Forecast()
    for allowed, used in ended:
        forecast.ended(min(used, allowed), allowed)
    assert 1 <= forecast.left(made, made + more) <= more


@pytest.mark.parametrize("seed", range(5))
def test_it_comes_near_to_what_the_scheduler_does(seed: int) -> None:
    """On a device whose steps take exactly what was measured."""
    numbers, places, forecast = random.Random(seed), 4, measured()
    scheduler = Scheduler(places, BlockManager(4000, 16, prefix_cache=False))
    wanted = {}
    for number in range(25):
        sequence = Sequence(str(number), [number] * numbers.randint(2, 100))
        wanted[sequence.id] = sequence.prompt_tokens + numbers.randint(20, 200)
        scheduler.add(sequence)
    probe = Sequence("probe", [1, 2, 3], arrived=1e9)
    scheduler.add(probe)
    wanted["probe"] = 5
    line = [one for one in scheduler.ahead[1] if one is not probe]
    predicted = forecast.wait([], [Work(one.uncached, wanted[one.id] - one.prompt_tokens) for one in line], places)
    clock = 0.0
    while not probe.running:
        step = scheduler.schedule(64, 0.0)
        assert step is not None
        clock += (STEP if step.decodes else 0) + PROMPT_TOKEN * (step.tokens - len(step.decodes))
        for chunk in step.chunks:
            scheduler.advance(chunk, [7] if chunk.samples else [])
        for sequence in scheduler.ahead[0]:
            if len(sequence.tokens) >= wanted[sequence.id]:
                scheduler.remove(sequence)
    assert predicted == pytest.approx(clock, rel=0.15)


def test_a_short_prompt_is_not_said_to_wait_for_a_long_one() -> None:
    forecast, running = measured(), [Work(8000, 10), Work(20, 10), Work(1, 10)]
    assert forecast.wait(running, [], 4, unread=40) == pytest.approx((2 * 21 + 40) * PROMPT_TOKEN)
    assert forecast.wait(running, [], 4, unread=9000) == forecast.wait(running, [], 4)
    blocks = BlockManager(4000, 16, prefix_cache=False)
    scheduler, clock = Scheduler(4, blocks), 0.0
    for number, tokens in enumerate((8000, 20)):
        scheduler.add(Sequence(str(number), [number] * tokens))
    probe = Sequence("probe", [2] * 40, arrived=1e9)
    scheduler.add(probe)
    while not probe.completion_tokens:
        step = scheduler.schedule(64, 0.0)
        assert step is not None
        clock += PROMPT_TOKEN * (step.tokens - len(step.decodes))
        for chunk in step.chunks:
            scheduler.advance(chunk, [7] if chunk.samples else [])
    predicted = forecast.wait([Work(8000, 10), Work(20, 10)], [], 4, unread=40)
    assert predicted is not None
    assert clock <= predicted + 2 * 40 * PROMPT_TOKEN


def test_a_load_is_guessed_from_its_size_until_it_was_measured() -> None:
    times = LoadTimes()
    assert times.expected("a", 100) is None
    times.took("a", 100, 2.0)
    assert (times.expected("a"), times.expected("b", 300), times.expected("b")) == (2.0, 6.0, None)
    assert times.news() == (LoadTime("a", 100, 2.0),)
    times.took("a", 100, 1.0)
    assert times.expected("a") == 1.5
    times.kept([LoadTime("a", 100, 2.0)])
    assert times.news() == (LoadTime("a", 100, 1.5),), "the newer one isn't stored yet"
    times.kept(times.news())
    assert times.news() == ()
    assert LoadTimes([LoadTime("a", 100, 2.0)]).expected("a") == 2.0


@pytest.mark.parametrize(
    ("predicted", "deadline", "most", "refused"),
    [(None, 1, 1, False), (5, None, None, False), (5, 5, None, False), (5, None, 4, True), (5, 4, 9, True)],
)
def test_when_a_request_is_refused(
    predicted: float | None, deadline: float | None, most: float | None, refused: bool
) -> None:
    assert (too_long(predicted, deadline, most) is not None) is refused


def test_a_refusal_says_how_long_and_when_to_come_back() -> None:
    assert too_long(400, 60, None) == (
        "overloaded",
        "About 7 min of work are ahead of this request, and it may wait 60 s. "
        "Try again in about 6 min, or use another model.",
    )
