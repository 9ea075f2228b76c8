"""A tokenizer.json in two forms: one that knows its control tokens, one that spells them out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from engine.chat.errors import ChatError


class Tokens:
    """Thread-safe. Raises ChatError for a tokenizer.json that can't be used."""

    def __init__(self, path: Path) -> None:
        try:
            described = json.loads(path.read_bytes())
            self.control = {entry["content"]: int(entry["id"]) for entry in _control_tokens(described)}
            self._knowing = _tokenizer(described)
            self._plain = _tokenizer({**described, "added_tokens": []})
        except Exception as error:  # the tokenizers library raises plain Exception
            raise ChatError(f"tokenizer.json can't be used: {str(error)[:200]}.") from error
        self._control_ids = frozenset(self.control.values())
        self._newline = self._plain.encode("\n", add_special_tokens=False).ids

    def encode(self, text: str) -> list[int]:
        """Control tokens in `text` become what they are."""
        return list(self._knowing.encode(text, add_special_tokens=False).ids)

    def encode_inner(self, text: str, *, as_text: bool) -> list[int]:
        """As a part that is not the beginning: without the space that some tokenizers put before a text.

        With `as_text` control tokens are spelled out, whatever the tokenizer's vocabulary holds.
        """
        tokenizer = self._plain if as_text else self._knowing
        ids = list(tokenizer.encode("\n" + text, add_special_tokens=False).ids)
        cut = len(self._newline)
        found = ids[cut:] if ids[:cut] == self._newline else list(tokenizer.encode(text, add_special_tokens=False).ids)
        if as_text and len(text) > 1 and not self._control_ids.isdisjoint(found):
            return [token for part in text for token in self.encode_inner(part, as_text=True)]
        return found

    def count(self, text: str) -> int:
        return len(self._plain.encode(text, add_special_tokens=False).ids)

    def text_of(self, token: int) -> str:
        return self._plain.decode([token], skip_special_tokens=False)

    def controls_in(self, ids: list[int]) -> int:
        """How many of the ids are control tokens."""
        return sum(token in self._control_ids for token in ids)


def _tokenizer(described: dict[str, Any]) -> Tokenizer:
    made = Tokenizer.from_str(json.dumps(described))
    made.no_truncation()
    made.no_padding()
    return made


def _control_tokens(described: dict[str, Any]) -> list[dict[str, Any]]:
    """Added tokens that mean something: not the runs of spaces and plain words that some tokenizers add."""
    added = described.get("added_tokens") or []
    return [entry for entry in added if entry["content"] and (entry.get("special") or _is_marked_up(entry["content"]))]


def _is_marked_up(text: str) -> bool:
    return any(not (character.isalnum() or character.isspace()) for character in text)
