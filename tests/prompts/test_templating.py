"""`{{ name }}` and nothing else."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apps.prompts.templating import TemplateError, names, render


def problems(text: str, values: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(TemplateError) as caught:
        render(text, values or {})
    return [str(each) for each in caught.value.problems]


def test_placeholders_are_filled_in() -> None:
    assert render("Hello {{ name }}, {{name}}!", {"name": "Ann"}) == "Hello Ann, Ann!"
    assert names("{{ b }} {{a}} {{ b }} {{ größe }}") == ["b", "a", "größe"]


def test_braces_can_be_meant_literally() -> None:
    assert render(r"\{{ name }} and {\"a\": {\"b\": 1}}", {}) == r"{{ name }} and {\"a\": {\"b\": 1}}"


def test_a_value_is_never_read_as_a_template() -> None:
    assert render("{{ a }}", {"a": "{{ a }}{{ b }}", "b": "no"}) == "{{ a }}{{ b }}"
    assert render("{{ a }}{{ b }}", {"a": "{", "b": "{ a }}"}) == "{{ a }}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("One\nand {{ never", "Line 2, column 5: this {{ is never closed"),
        ("{{ outer {{ inner }} }}", "Line 1, column 1: this {{ is never closed"),
        ("{{ }}", "there is no name between these braces"),
        ("{{ a.b }}", "“a.b” is no name"),
        ("{{ 1st }}", "“1st” is no name"),
        ("{{ __import__('os') }}", "is no name"),
        ("{{ gone }}", "there is no value for “gone”"),
    ],
)
def test_an_error_names_its_place(text: str, said: str) -> None:
    assert said in problems(text)[0]


def test_every_wrong_place_is_named_up_to_twenty() -> None:
    assert len(problems("{{ a b }}\n" * 3)) == 3
    assert len(problems("{{ a b }}" * 1000)) == 20


def test_a_small_template_can_not_grow_into_an_enormous_text(settings: Any) -> None:
    settings.MAX_PROMPT_CHARS = 1_000
    assert "up to 1,000 are allowed" in problems("{{ a }}" * 1_000, {"a": "x" * 1_000_000})[0]


def test_hostile_templates_are_read_in_linear_time() -> None:
    started = time.thread_time()  # others may be using the machine
    for text in ("{{" * 50_000, "{{ a }" * 20_000, "\\{{" * 30_000, "{{" + " " * 100_000, "{{ a }}" * 15_000):
        with suppress(TemplateError):
            names(text)
    assert time.thread_time() - started < 1


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(st.text(alphabet="ab{}\\ \n"), st.just("{{ x }}")), max_size=8), st.text(max_size=20))
def test_whatever_is_read_is_filled_in_everywhere(parts: list[str], value: str) -> None:
    text = "".join(parts)
    try:
        used = names(text)
    except TemplateError:
        return
    filled = render(text, dict.fromkeys(used, value))
    if not used and "\\{{" not in text:
        assert filled == text
