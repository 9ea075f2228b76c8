"""The format that an answer has to keep to, and what can be checked of one before a worker reads it.

The library that follows formats has processes of its own beside the engine (record 12); what it refuses ends the job in
its words. The checks here are cheap, and never refuse what it would take.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from apps.catalog.models import ModelVersion
from apps.generations.json_text import check_depth, read_json
from engine.types import ANY_OBJECT, OutputFormat

FORMAT, JSON, SCHEMA, REGEX = "output_format", "json", "json_schema", "regex"
FORMATS: Mapping[str, str] = MappingProxyType({JSON: "JSON", SCHEMA: "JSON schema", REGEX: "Regular expression"})
"""What may be chosen, and how it is called; without a choice an answer is text."""
MAX_SCHEMA_CHARS = 20_000
MAX_REGEX_CHARS = 2_000
ADVICE = "Write one, or insert the example; or choose another format."
LEFT_OUT = (
    (re.compile(r"\(\?<?[=!]"), "looks ahead or behind, which can't be followed"),
    (re.compile(r"\\[1-9]"), "refers back to a group, which can't be followed"),
    (re.compile(r"\\[bB]"), r"asks for an edge of a word (\b), which can't be followed"),
)
VERBOSE = re.compile(r"\(\?[a-zA-Z]*x")
"""Such an expression may have comments, which aren't told apart here."""
PART = re.compile(r"\\[\s\S]|\(\?<?[=!]|[\s\S]")
"""An escaped character, the beginning of a look-around, or a character."""


def formats_of(version: ModelVersion) -> tuple[str, ...]:
    """What `version` can be held to: other servers take no regular expressions in a way that all of them know."""
    return (JSON, SCHEMA) if version.is_upstream else tuple(FORMATS)


def wrong_format(params: Mapping[str, Any]) -> dict[str, str]:
    """By field, what is wrong with the chosen format. The texts of those that weren't chosen may be anything."""
    check = CHECKS.get(params[FORMAT] or "")
    wrong = check(params[params[FORMAT]] or "") if check else ""
    return {params[FORMAT]: wrong} if wrong else {}


def without_unused(params: Mapping[str, Any]) -> dict[str, Any]:
    """Without the texts of formats that weren't chosen."""
    return {name: None if name in CHECKS and name != params[FORMAT] else value for name, value in params.items()}


def format_name(params: Mapping[str, Any]) -> str:
    """ "" where answers are text."""
    return FORMATS.get(params.get(FORMAT, ""), "")


def format_text(params: Mapping[str, Any]) -> str:
    """The schema or expression that goes with the chosen format; "" where there is none."""
    return params.get(str(params.get(FORMAT))) or ""


def output_format(params: Mapping[str, Any]) -> OutputFormat | None:
    """Of a job, as the engine takes it."""
    match params.get(FORMAT):
        case "json":
            return ANY_OBJECT
        case "json_schema" | "regex" as kind:
            return OutputFormat(kind, params[kind])
    return None


def _wrong_schema(text: str) -> str:
    if not text.strip():
        return f"The JSON schema is empty. {ADVICE}"
    try:
        schema = read_json(text, "The JSON schema", parse_int=str)  # however long
        if not isinstance(schema, dict):
            return 'A JSON schema is an object: it begins with “{”, as in {"type": "object"}.'
        check_depth(schema, "The JSON schema")
    except ValueError as error:
        return str(error)
    return ""


def _wrong_regex(text: str) -> str:
    if not text.strip():
        return f"The regular expression is empty. {ADVICE}"
    if VERBOSE.search(text):
        return ""
    open_at: list[int] = []
    class_at: list[int] = []
    for found in PART.finditer(text):
        part, at = found.group(), found.start() + 1
        if part == "\\":
            return f"The backslash at character {at} has nothing behind it; write two for one that is meant."
        if part == "[":
            class_at.append(at)
        elif class_at:
            # “[]a]” and “[^]a]” begin with a bracket that is meant
            if part == "]" and text[class_at[-1] - 1 : found.start()] not in ("[", "[^"):
                class_at.pop()
        elif wrong := next((words for pattern, words in LEFT_OUT if pattern.fullmatch(part)), ""):
            return f"The expression {wrong}, at character {at}. Write it without."
        elif part == "(":
            open_at.append(at)
        elif part == ")" and not (open_at and open_at.pop()):
            return f"The “)” at character {at} closes nothing; write “\\)” for one that is meant."
    for sign, places in (("[", class_at), ("(", open_at)):
        if places:
            return f"The “{sign}” at character {places[-1]} is never closed; write “\\{sign}” for one that is meant."
    return ""


CHECKS: Mapping[str, Callable[[str], str]] = MappingProxyType({SCHEMA: _wrong_schema, REGEX: _wrong_regex})
"""By the name of a format with a text of its own, which is that text's parameter too."""
