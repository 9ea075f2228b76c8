"""Guesses by looking up what followed earlier, and what of them stands."""

from __future__ import annotations

import pytest

from engine.text.drafting import FIRST, LONG_REST, MISSES, MOST, SHORT_REST, Drafter, confirmed


def drafter(tokens: list[int], room: int = 100) -> Drafter:
    return Drafter(tokens, len(tokens) + room)


def test_what_followed_the_longest_equal_text_is_guessed() -> None:
    assert drafter([9, 1, 2, 50, 51, 3, 1, 2, 60, 61, 9, 1, 2]).draft(2) == (50, 51)


def test_of_equally_long_ones_the_latest_counts() -> None:
    assert drafter([1, 2, 50, 7, 1, 2, 60, 8, 1, 2]).draft(1) == (60,)


def test_without_an_equal_text_nothing_is_guessed() -> None:
    assert drafter([1, 2, 3, 4, 5]).draft(4) == ()
    assert drafter([1]).draft(4) == ()


def test_a_text_that_repeats_itself_is_guessed_to_go_on() -> None:
    assert drafter([5, 6, 7, 5, 6, 7, 5, 6]).draft(4) == (7, 5, 6, 7)


def test_the_text_grows_under_it() -> None:
    tokens = [1, 2, 3]
    one = drafter(tokens)
    assert one.draft(4) == ()
    tokens += [1, 2]
    assert one.draft(1) == (3,)


@pytest.mark.parametrize(("room", "length"), [(1, 0), (2, 1), (3, 2)])
def test_a_guess_and_the_token_after_it_fit_into_what_may_be_written(room: int, length: int) -> None:
    assert len(drafter([1, 2, 3, 4, 5, 1, 2], room).draft(8)) == length


def test_right_guesses_grow_and_wrong_ones_shrink_and_rest() -> None:
    one = drafter([4] * 40)
    assert len(one.draft(99)) == FIRST
    one.verified(FIRST, FIRST)
    assert len(one.draft(99)) == MOST
    one.verified(MOST, 2)
    assert len(one.draft(99)) == 3
    rest = SHORT_REST
    for _ in range(8):
        for _ in range(MISSES):
            one.verified(len(one.draft(99)), 0)
        assert [one.draft(99) for _ in range(rest)] == [()] * rest
        rest = min(LONG_REST, 2 * rest)
        assert one.draft(99)


@pytest.mark.parametrize(
    ("draft", "chosen", "stand"),
    [
        ((), [5], [5]),
        ((5, 6), [5, 6, 7], [5, 6, 7]),
        ((5, 6), [5, 8, 7], [5, 8]),
        ((5, 6), [8, 6, 7], [8]),
        ((5, 6), [None, 6, 7], []),
        ((5, 6), [5, None, 7], [5]),
    ],
)
def test_what_stands_is_what_was_chosen_up_to_the_first_surprise(
    draft: tuple[int, ...], chosen: list[int | None], stand: list[int]
) -> None:
    assert confirmed(draft, chosen) == stand
