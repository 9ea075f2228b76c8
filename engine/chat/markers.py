"""Marking control tokens in what people wrote, so that they stay plain text after the template has been rendered.

Each is put between two characters of Unicode's private planes that occur neither in the messages nor in the template
and differ from call to call, so that nobody can write them in advance. The token itself stays where it is: a template
that looks for `</think>` or trims a message sees the same as without marks.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PRIVATE = range(0xF0000, 0xFFFFE)  # plane 15, assigned to nothing
MARKED = ("content", "reasoning")
"""What of a message holds texts of people or models."""
ANSWER_TOKENS = frozenset({"<think>", "</think>", "<tool_call>", "</tool_call>"})
"""Control tokens that a model's own answers hold: in an assistant's message they keep their meaning."""


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    as_text: bool
    """Whether control tokens in it are to be spelled out."""


class Markers:
    """For one tokenizer's control tokens. Thread-safe."""

    def __init__(self, control_tokens: Iterable[str]) -> None:
        tokens = sorted(set(control_tokens), key=len, reverse=True)
        self.pattern = _any_of(tokens)
        self._in_answers = _any_of([token for token in tokens if token not in ANSWER_TOKENS])

    def mark(self, messages: Sequence[Mapping[str, Any]], avoid: str) -> tuple[list[dict[str, Any]], str]:
        """The messages with their control tokens between marks, and the two marks ("" where none was needed)."""
        texts = [message[name] for message in messages for name in MARKED if name in message]
        if not any(map(self.pattern.search, texts)):
            return [dict(message) for message in messages], ""
        marks = _unused([avoid, *texts])
        return [{**message, **self._marked(message, marks)} for message in messages], marks

    def split(self, rendered: str, marks: str) -> list[Piece]:
        """The rendered chat as pieces in order. A mark that a template has torn from its token still separates."""
        if not marks:
            return [Piece(rendered, as_text=False)]
        start, end = marks[0], marks[1]
        found = re.split(f"{start}({self.pattern.pattern}){end}|[{marks}]", rendered)
        return [Piece(text, as_text=bool(index % 2)) for index, text in enumerate(found) if text]

    def _marked(self, message: Mapping[str, Any], marks: str) -> dict[str, str]:
        in_answer = message["role"] == "assistant"
        patterns = {"content": self._in_answers if in_answer else self.pattern, "reasoning": self.pattern}
        between = rf"{marks[0]}\g<0>{marks[1]}"
        return {name: patterns[name].sub(between, message[name]) for name in MARKED if name in message}


def _any_of(tokens: Sequence[str]) -> re.Pattern[str]:
    """Longest first: a token wins over those inside it. Matches nothing where there are none."""
    return re.compile("|".join(map(re.escape, tokens)) or "(?!)")


def _unused(texts: Sequence[str]) -> str:
    """Two characters that are in none of the texts."""
    found: list[str] = []
    while len(found) < 2:
        candidate = chr(secrets.choice(PRIVATE))
        if candidate not in found and not any(candidate in text for text in texts):
            found.append(candidate)
    return "".join(found)
