"""Templates with `{{ name }}` in them, and nothing else: no logic, no attributes, no recursion.

A value is put in as it is; what looks like a placeholder inside a value stays text, so no text can grow by
itself. `\\{{` stands for two braces that are meant literally; `}}` alone always does.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from django.conf import settings

NAME = re.compile(r"[^\W\d]\w{0,39}")
OPENING = re.compile(r"\\?\{\{")
UNCLOSED = "this {{ is never closed. Close it with }}, or write \\{{ to mean two braces."
SHOWN_CHARS = 30
MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong and where: `line` and `column` count from 1."""

    line: int
    column: int
    message: str

    def __str__(self) -> str:
        return f"Line {self.line}, column {self.column}: {self.message}"


class TemplateError(ValueError):
    """The template can't be read or filled in; `problems` names every place, the first twenty of them."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(str(problems[0]))
        self.problems = problems[:MAX_PROBLEMS]


@dataclass(frozen=True, slots=True)
class Placeholder:
    name: str
    at: int
    """Offset in the template, in characters."""


def parse(text: str) -> list[str | Placeholder]:
    """Literal texts and placeholders in their order; joined, they are the template. Time grows with its length only.

    Raises TemplateError.
    """
    parts: list[str | Placeholder] = []
    problems: list[Problem] = []
    for found in _scan(text):
        if isinstance(found, _Wrong):
            problems.append(_problem(text, found))
            if len(problems) >= MAX_PROBLEMS:
                break
        else:
            parts.append(found)
    if problems:
        raise TemplateError(problems)
    return parts


def names(text: str) -> list[str]:
    """Each name once, in the order of their first use. Raises TemplateError."""
    return list(dict.fromkeys(part.name for part in parse(text) if isinstance(part, Placeholder)))


def render(text: str, values: Mapping[str, str]) -> str:
    """The template with its placeholders filled in.

    Raises TemplateError, also where a value is missing or the result would be longer than MAX_PROMPT_CHARS: the
    length is summed before anything is joined.
    """
    parts = parse(text)
    missing = [part for part in parts if isinstance(part, Placeholder) and part.name not in values]
    if missing:
        wrong = (_Wrong(part.at, f"there is no value for “{part.name}”.") for part in missing[:MAX_PROBLEMS])
        raise TemplateError([_problem(text, each) for each in wrong])
    filled = [values[part.name] if isinstance(part, Placeholder) else part for part in parts]
    length = sum(map(len, filled))
    if length > settings.MAX_PROMPT_CHARS:
        message = f"filled in, this is {length:,} characters long; up to {settings.MAX_PROMPT_CHARS:,} are allowed."
        raise TemplateError([Problem(1, 1, message)])
    return "".join(filled)


@dataclass(frozen=True, slots=True)
class _Wrong:
    at: int
    message: str


def _scan(text: str) -> Iterator[str | Placeholder | _Wrong]:
    position = 0
    while opening := OPENING.search(text, position):
        if opening.start() > position:
            yield text[position : opening.start()]
        if opening.group().startswith("\\"):
            yield "{{"
            position = opening.end()
            continue
        end = text.find("}}", opening.end())
        again = text.find("{{", opening.end(), end if end >= 0 else len(text))
        if end < 0 or again >= 0:
            yield _Wrong(opening.start(), UNCLOSED)

            position = opening.end()
            if end < 0:
                return
            continue
        yield _placeholder(text[opening.end() : end].strip(), opening.start())
        position = end + 2
    if position < len(text):
        yield text[position:]


def _placeholder(name: str, at: int) -> Placeholder | _Wrong:
    if not name:
        return _Wrong(at, "there is no name between these braces.")
    if not NAME.fullmatch(name):
        shown = name if len(name) <= SHOWN_CHARS else name[:SHOWN_CHARS] + "…"
        return _Wrong(at, f"“{shown}” is no name: letters, digits and _ only, up to 40, no digit first.")
    return Placeholder(name, at)


def _problem(text: str, wrong: _Wrong) -> Problem:
    line = text.count("\n", 0, wrong.at) + 1
    column = wrong.at - text.rfind("\n", 0, wrong.at)
    return Problem(line, column, wrong.message)
