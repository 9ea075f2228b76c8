"""Two revisions side by side: the fields that differ, line by line."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import NamedTuple

from apps.generations.formats import format_name, format_text
from apps.generations.params import sampling
from apps.prompts.models import PromptRevision

FIELDS = {
    "title": "Title",
    "summary": "Summary",
    "system": "System",
    "user": "Prompt",
    "variables": "Variables",
    "model_id": "Made for",
    "params": "Parameters",
    "format": "Answer format",
    "tags": "Tags",
    "licence": "Licence",
}
MAX_LINES = 4_000
"""difflib takes quadratic time: of longer texts only so many lines are compared."""
MAX_LINE_CHARS = 2_000
MAX_PAIRS = 500_000
"""Of words that are compared with each other, in one field: a fraction of a second where all of them are alike."""
CONTEXT = 3


class Piece(NamedTuple):
    text: str
    changed: bool


class Row(NamedTuple):
    """One line on each side, None where there is none; `kind` is `same`, `change` or `gap` (lines left out)."""

    kind: str
    left_number: int | None
    left: list[Piece]
    right_number: int | None
    right: list[Piece]


class FieldDiff(NamedTuple):
    label: str
    rows: list[Row]
    cut: bool


def compare(old: PromptRevision, new: PromptRevision) -> list[FieldDiff]:
    """Only what differs. An empty list: the same, word for word."""
    found = []
    for name, label in FIELDS.items():
        before, after = (_lines(_value(each, name)) for each in (old, new))
        if before == after:
            continue
        cut = max(len(before), len(after)) > MAX_LINES
        found.append(FieldDiff(label, list(rows(before[:MAX_LINES], after[:MAX_LINES])), cut))
    return found


def _value(revision: PromptRevision, name: str) -> object:
    if name == "format":
        return "\n".join(filter(None, [format_name(revision.params), format_text(revision.params)]))
    if name == "params":
        return sampling(revision.params)
    return getattr(revision, name)


def rows(before: list[str], after: list[str]) -> Iterator[Row]:
    """Both sides, with CONTEXT same lines around each change."""
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=len(before) > 500)
    sides = _Sides()
    groups = list(matcher.get_grouped_opcodes(CONTEXT))
    for number, group in enumerate(groups):
        if number:
            yield Row("gap", None, [], None, [])
        for tag, i1, i2, j1, j2 in group:
            yield from sides.block(tag, before, after, (i1, i2, j1, j2))


class _Sides:
    """Compares changed lines word by word, for as long as that is cheap: a difference takes the product of their words.
    What comes after is shown as changed from end to end."""

    def __init__(self) -> None:
        self._pairs_left = MAX_PAIRS

    def block(self, tag: str, before: list[str], after: list[str], span: tuple[int, int, int, int]) -> Iterator[Row]:
        i1, i2, j1, j2 = span
        for offset in range(max(i2 - i1, j2 - j1)):
            i, j = i1 + offset, j1 + offset
            left, right = (before[i] if i < i2 else None), (after[j] if j < j2 else None)
            same = tag == "equal"
            old, new = ([Piece(left or "", False)], [Piece(right or "", False)]) if same else self._pieces(left, right)
            numbers = i + 1 if left is not None else None, j + 1 if right is not None else None
            yield Row("same" if same else "change", numbers[0], old, numbers[1], new)

    def _pieces(self, left: str | None, right: str | None) -> tuple[list[Piece], list[Piece]]:
        """The words of a changed line that differ."""
        if left is None or right is None:
            return _whole(left), _whole(right)
        old, new = _words(left), _words(right)
        if len(old) * len(new) > self._pairs_left:
            return _whole(left), _whole(right)
        self._pairs_left -= len(old) * len(new)
        matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
        sides: tuple[list[Piece], list[Piece]] = ([], [])
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            for side, words in ((sides[0], old[i1:i2]), (sides[1], new[j1:j2])):
                if words:
                    side.append(Piece("".join(words), tag != "equal"))
        return sides


def _whole(line: str | None) -> list[Piece]:
    return [] if line is None else [Piece(line, True)]


def _words(line: str) -> list[str]:
    """Words with the space after them; a very long line is one word."""
    if len(line) > MAX_LINE_CHARS:
        return [line]
    words: list[str] = []
    for part in line.split(" "):
        words += [part, " "]
    return words[:-1]


def _lines(value: object) -> list[str]:
    if isinstance(value, str):
        return value.split("\n") if value else []
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return [", ".join(value)] if value else []
    return json.dumps(value, indent=1, ensure_ascii=False, sort_keys=True).split("\n") if value else []
