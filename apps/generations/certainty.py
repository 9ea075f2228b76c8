"""How probable each token of an answer was, as it is kept and shown: gathered while the answer is written, within
bounds."""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from engine.types import ChosenLogprob, TokenLogprob

ALTERNATIVES = 5
"""Told with each token."""
MAX_TOKENS = 2_000
"""Kept of an answer: about 250 KB of them."""
MAX_TEXT = 80
"""Characters of one token: vocabularies have a few that are long runs of spaces or dashes."""


class Sureness(NamedTuple):
    """`tokens` as the Certainty of a job has them."""

    tokens: tuple[list[Any], ...] = ()
    is_cut: bool = False


NOTHING_KEPT = Sureness()


class Gathering:
    """Takes what the engine tells of one attempt."""

    def __init__(self) -> None:
        self._tokens: list[list[Any]] = []
        self._is_cut = False
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def add(self, told: Iterable[ChosenLogprob]) -> None:
        for one in told:
            if len(self._tokens) == MAX_TOKENS:
                self._is_cut = True
                return
            self._tokens.append(self._token(one))

    def result(self) -> Sureness:
        return Sureness(tuple(self._tokens), self._is_cut)

    def _token(self, one: ChosenLogprob) -> list[Any]:
        """A character of several tokens stands at the last of them; those before have an empty text."""
        text = _storable(self._decoder.decode(one.chosen.text))
        return [text, _probability(one.chosen), [[_whole(each.text), _probability(each)] for each in one.top]]


def _probability(token: TokenLogprob) -> float:
    return round(math.exp(token.logprob), 5)


def _whole(text: bytes) -> str:
    """Bytes that are no character by themselves by their numbers."""
    try:
        return _storable(text.decode())
    except UnicodeDecodeError:
        return text.decode(errors="backslashreplace")[:MAX_TEXT]


def _storable(text: str) -> str:
    """PostgreSQL stores no NUL."""
    return text.replace("\0", "\ufffd")[:MAX_TEXT]
