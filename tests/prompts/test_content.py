"""What may stand in a revision, whoever brings it."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.prompts.content import clean_content
from apps.prompts.variables import clean_values, clean_variables
from tests.prompts.build import TIDES


def refusal(**content: Any) -> dict[str, list[str]]:
    with pytest.raises(ValidationError) as caught:
        clean_content(TIDES | content)
    return caught.value.message_dict


def test_what_is_used_and_not_declared_becomes_a_variable_of_one_line() -> None:
    content = clean_content({"title": "Tides", "user": "{{ harbour }} at {{ hour }}"})
    assert [(each["name"], each["type"]) for each in content["variables"]] == [
        ("harbour", "string"),
        ("hour", "string"),
    ]


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("title", "", "Give the prompt a title"),
        ("title", "x" * 121, "up to 120"),
        ("title", "nul\x00", "no text"),
        ("user", "", "it is empty"),
        ("user", "{{ open", "Line 1, column 1"),
        ("user", "x" * 100_001, "up to 100,000"),
        ("system", "\ud800", "no text"),
        ("tags", [f"tag{number}" for number in range(9)], "Up to 8 tags"),
        ("tags", "x" * 33, "too long"),
        ("params", {"temperature": 9}, "from 0 to 2"),
        ("params", {"os": 1}, "no parameter"),
        ("params", "wild", "names and values"),
        ("licence", "mine", "must be one of"),
        ("variables", [{"name": "a", "type": "regex"}], "its type"),
        ("variables", [{"name": "a"}, {"name": "a"}], "same name"),
        ("variables", [{"name": "a", "type": "choice", "choices": []}], "1 to 50 choices"),
        ("variables", [{"name": "a", "type": "number", "default": "nan"}], "must be a number"),
        ("variables", [{"name": "a", "evil": 1}], "these fields"),
        ("variables", [{"name": f"a{number}"} for number in range(31)], "at most 30"),
        ("variables", "no list", "must be a list"),
    ],
)
def test_each_wrong_field_has_a_sentence(field: str, value: Any, said: str) -> None:
    assert said in refusal(**{field: value})[field][0]


@pytest.mark.parametrize(
    ("params", "field", "said"),
    [
        ({"output_format": "json_schema", "json_schema": '{"type": "object",}'}, "json_schema", "column"),
        ({"output_format": "json_schema"}, "json_schema", "is empty"),
        ({"output_format": "regex", "regex": "(ab"}, "regex", "never closed"),
        ({"output_format": "yaml"}, "output_format", "must be one of"),
    ],
)
def test_what_is_wrong_with_an_answer_format_is_said_at_its_field(
    params: dict[str, str], field: str, said: str
) -> None:
    wrong = refusal(params=params)
    assert list(wrong) == [field]
    assert said in wrong[field][0]


def test_an_answer_format_is_kept_and_texts_of_others_are_not() -> None:
    chosen = {"temperature": 0.5, "output_format": "regex", "regex": "yes|no"}
    assert clean_content(TIDES | {"params": chosen | {"json_schema": "{unfinished"}})["params"] == chosen
    assert clean_content(TIDES | {"params": {"regex": "yes|no"}})["params"] == {}


def test_tags_are_tidied() -> None:
    assert clean_content(TIDES | {"tags": "#Sea Faring,  C++ ,sea faring,,"})["tags"] == ["sea-faring", "c++"]


def test_values_become_texts_by_their_type() -> None:
    variables = clean_variables(
        [
            {"name": "many", "type": "number"},
            {"name": "sure", "type": "boolean"},
            {"name": "tone", "type": "choice", "choices": ["calm", "gruff"], "default": "calm"},
            {"name": "more", "type": "text", "required": False},
        ]
    )
    assert clean_values(variables, {"many": "1.50", "sure": "on", "more": "a\r\nb", "else": "left out"}) == {
        "many": "1.50", "sure": "yes", "tone": "calm", "more": "a\nb",
    }  # fmt: skip
    with pytest.raises(ValidationError) as caught:
        clean_values(variables, {"sure": "perhaps", "tone": "loud"})
    assert set(caught.value.message_dict) == {"many", "sure", "tone"}


def test_stop_strings_are_checked_as_in_a_conversation() -> None:
    kept = clean_content(TIDES | {"params": {"stop": ["###", "\n\n", "###"], "temperature": ""}})
    assert kept["params"] == {"stop": ["###", "\n\n"]}
    assert clean_content(TIDES | {"params": {"stop": []}})["params"] == {}
    assert "at most 4" in refusal(params={"stop": list("abcde")})["params"][0]
    assert "at most 64 characters" in refusal(params={"stop": ["x" * 65]})["params"][0]
    assert "list of texts" in refusal(params={"stop": [1]})["params"][0]
