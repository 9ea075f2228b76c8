"""Cells of a CSV file that no spreadsheet takes for a formula."""

from __future__ import annotations

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%", "＝", "＋", "－", "＠")


def safe_cell(value: object) -> str:
    """The text of `value`, after an apostrophe where it begins like a formula, blanks before it or not. NUL goes."""
    text = str(value).replace("\0", "")
    return f"'{text}" if text.startswith(RISKY) or text.lstrip().startswith(RISKY) else text
