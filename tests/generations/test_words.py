"""Words to avoid or favour: the tokens that they are, or a sentence about why they can't be weighed."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from apps.catalog.chat import inner_tokens
from apps.catalog.models import HostedModel, ModelVersion
from apps.generations.params import clean_params
from apps.generations.words import biases
from engine.service import EngineThread
from tests.generations.conftest import Submit
from tests.generations.scripted import ended, running_worker
from tests.generations.test_certainty import real as real
from tests.generations.upstreams import far_model

WORD = "the"


@pytest.fixture
def version(model: HostedModel) -> ModelVersion:
    assert model.default_version
    return model.default_version


def test_a_word_is_its_tokens_at_the_beginning_of_a_line_and_behind_a_space(version: ModelVersion) -> None:
    forms = [inner_tokens(version, form) for form in (WORD, f" {WORD}")]
    found = biases(version, {WORD: -7.5})
    assert found == {str(form[0][0]): -7.5 for form in forms if len(form) == 1}
    assert found
    assert biases(version, None) == {}


def test_a_word_of_several_tokens_is_refused_with_its_parts(version: ModelVersion) -> None:
    with pytest.raises(ValidationError) as error:
        biases(version, {WORD: 1, "incontrovertible": -100})
    (sentence,) = error.value.message_dict["word_bias"]
    assert sentence.startswith("“incontrovertible” is written as ")
    assert "Choose a shorter word" in sentence


@pytest.mark.parametrize("token", ["<|user|>", "<|end|>"])
def test_control_tokens_are_no_words(version: ModelVersion, token: str) -> None:
    with pytest.raises(ValidationError, match="is written as"):
        biases(version, {token: 100})


def test_numbers_that_change_nothing_and_spaces_are_left_out() -> None:
    assert clean_params({"word_bias": {" sea ": "5", "land": 0}})["word_bias"] == {"sea": 5.0}
    assert clean_params({"word_bias": {"land": 0}})["word_bias"] is None


def test_an_answer_holds_what_is_favoured_and_not_what_is_avoided(
    submit: Submit, real: EngineThread, version: ModelVersion, settings: Any
) -> None:
    settings.LEASE_SECONDS = 20
    with running_worker(real):
        favoured = submit(max_tokens=8, temperature=0, word_bias={WORD: 100})
        both = submit(max_tokens=8, temperature=0, word_bias={WORD: -100, "and": 0})
        favoured, both = ended(favoured), ended(both)
    assert favoured.params["logit_bias"] == dict.fromkeys(biases(version, {WORD: 100}), 100)
    assert favoured.output.split()[0].startswith(WORD)
    assert WORD not in both.output.split()


@pytest.mark.django_db
def test_another_server_has_tokens_that_are_not_known_here() -> None:
    version = far_model("https://gpu.example.org/v1").default_version
    assert version
    with pytest.raises(ValidationError, match="runs on another server"):
        biases(version, {WORD: 1})
