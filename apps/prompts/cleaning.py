"""Texts that people or files bring in: without what is no text, and no longer than allowed."""

from __future__ import annotations

import re

from django.core.exceptions import ValidationError

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates: neither is text, and PostgreSQL takes neither."""
CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")


def clean_text(raw: object, maximum: int, noun: str) -> str:
    """Line ends as \\n, ends trimmed; "" for None. Raises ValidationError with a sentence about `noun`."""
    if raw is None:
        return ""
    if not isinstance(raw, str):
        raise ValidationError(f"{noun} must be text.")
    text = raw.replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(text) > maximum:
        raise ValidationError(f"{noun} has {len(text):,} characters; up to {maximum:,} are allowed.")
    if UNSTORABLE.search(text) or CONTROL.search(text):
        raise ValidationError(f"{noun} holds characters that are no text. Paste it as plain text.")
    return text


def one_line(raw: object, maximum: int, noun: str) -> str:
    """As `clean_text`, with every run of white space as one space."""
    if isinstance(raw, bool | int | float):
        raw = str(raw)
    return " ".join(clean_text(raw, maximum, noun).split())
