"""Texts that JSON can spell and that are none: neither the database nor a tokenizer takes them."""

from __future__ import annotations

from apps.generations.params import NO_TEXT

ODD = "There is something in it that no text may hold: \\u0000, or half a character (\\ud800 to \\udfff)."


def is_odd(value: object) -> bool:
    """Whether there is such a text anywhere in what was read from JSON."""
    inside = [value]
    while inside:
        each = inside.pop()
        if isinstance(each, dict):
            inside += (*each, *each.values())
        elif isinstance(each, list):
            inside += each
        elif isinstance(each, str) and NO_TEXT.search(each):
            return True
    return False
