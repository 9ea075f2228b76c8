"""Model cards of anybody."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from apps.catalog.licences import UNKNOWN
from apps.catalog.sources.card import read_card


@pytest.mark.parametrize("front", ["license: mit\nx: " + "[" * 5_000, "license: mit\ndate: 2026-99-99"])
def test_a_front_matter_that_can_not_be_read_states_no_licence(tmp_path: Path, front: str) -> None:
    (tmp_path / "README.md").write_text(f"---\n{front}\n---\nA model.")
    began = time.thread_time()
    assert read_card(tmp_path).license_id == UNKNOWN
    assert time.thread_time() - began < 0.3, "reading it took long"


def test_one_that_can_states_it(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("---\nlicense: mit\n---\nA model.")
    assert read_card(tmp_path).license_id == "MIT"


@pytest.mark.parametrize("said", ["It is *very* good.", "AT&T and others: R &D", "a list *of many* things"])
def test_stars_and_ampersands_in_words_leave_the_licence(tmp_path: Path, said: str) -> None:
    (tmp_path / "README.md").write_text(f"---\nlicense: mit\ndescription: |\n  {said}\n---\nText\n")
    assert read_card(tmp_path).license_id == "MIT"


def test_a_front_matter_that_repeats_itself_is_not_read(tmp_path: Path) -> None:
    lines = "\n".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else 'lol'}]" for n in range(9))
    (tmp_path / "README.md").write_text(f"---\nlicense: mit\n{lines}\n---\nText\n")
    card = read_card(tmp_path)
    assert (card.license_id, card.text) == (UNKNOWN, "Text")


@pytest.mark.parametrize("odd", ["\\0", "\\e[2J"])
def test_what_no_database_and_no_terminal_takes_is_left_out(tmp_path: Path, odd: str) -> None:
    front = f'license: mit\nlicense_link: "https://a.example/{odd}"\nbase_model: "a/b{odd}"'
    (tmp_path / "README.md").write_text(f"---\n{front}\n---\nText\n")
    card = read_card(tmp_path)
    assert card.license_id == "MIT"
    assert odd not in card.license_link
    assert card.license_link.isprintable()
    assert card.base_name == ""
