"""Words that answers should avoid or favour, as the tokens that a model writes them with.

A word has one token at the beginning of a line and another one behind a space, and either may be several: then there is
nothing to weigh, for its parts are parts of other words too. So a word counts where at least one of the two is one
token; else it is refused, with the parts it is made of.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.core.exceptions import ValidationError

from apps.catalog.chat import inner_tokens
from apps.catalog.models import ModelVersion
from apps.generations.errors import Refused
from engine.chat import ChatError
from engine.store import StoreError

WORDS, BIAS = "word_bias", "logit_bias"
"""What a person chose, by words; and what a job is told, by token ids as text."""
MAX_WORDS = 20
MAX_WORD_CHARS = 40
MOST = 100
MAX_PARTS = 6
"""Named where a word can't be weighed."""


def biases(version: ModelVersion, words: Mapping[str, float] | None) -> dict[str, float]:
    """By token id. Raises ValidationError with a sentence about the first word that can't be weighed."""
    if not words:
        return {}
    if version.is_upstream:
        message = (
            f"{version.hosted_model} runs on another server, whose tokens aren't known here, so words can't be avoided "
            "or favoured. Remove them in the settings, or choose another model."
        )
        raise ValidationError({WORDS: message})
    try:
        return {str(token): value for word, value in words.items() for token in _tokens(version, word)}
    except (ChatError, StoreError) as error:
        raise Refused(status=422, code="model_missing", message=str(error)) from error


def _tokens(version: ModelVersion, word: str) -> list[int]:
    forms = [inner_tokens(version, form) for form in (word, f" {word}")]
    whole = [form[0][0] for form in forms if len(form) == 1]
    if not whole:
        parts = min(forms, key=len)
        written = ", ".join(f"“{text.strip() or text}”" for _, text in parts[:MAX_PARTS])
        written += ", …" if len(parts) > MAX_PARTS else ""
        message = (
            f"“{word}” is written as {len(parts)} tokens ({written}), and only words of one token can be avoided or "
            "favoured: the parts belong to other words too. Choose a shorter word."
        )
        raise ValidationError({WORDS: message})
    return whole
