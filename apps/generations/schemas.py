"""What is wrong with a JSON Schema, as far as its common keywords go; others may hold anything."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")
Part = tuple[str, object]
"""Where a schema stands, and what stands there."""


def wrong_schema(schema: object, place: str) -> str:
    """A sentence about the first thing that is wrong; "" where nothing is. place: how the schema is called in it."""
    inside: list[Part] = [(place, schema)]
    while inside:
        place, found = inside.pop()
        if isinstance(found, bool):
            continue
        if not isinstance(found, dict):
            return f"“{place}” must be a JSON schema, which is an object."
        for keyword, value in found.items():
            if (check := CHECKS.get(keyword)) and not check[0](value):
                return f"“{place}.{keyword}” must be {check[1]}."
        inside += _parts(place, found)
    return ""


def _parts(place: str, schema: Mapping[str, Any]) -> Iterator[Part]:
    for keyword in ("items", "additionalProperties", "not"):
        if keyword in schema:
            yield f"{place}.{keyword}", schema[keyword]
    for keyword in ("properties", "patternProperties", "$defs", "definitions"):
        for name, part in schema.get(keyword, {}).items():
            yield f"{place}.{keyword}.{name[:64]}", part
    for keyword in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for number, part in enumerate(schema.get(keyword, ())):
            yield f"{place}.{keyword}[{number}]", part


def _is_type(value: object) -> bool:
    names = value if isinstance(value, list) else [value]
    return bool(names) and all(isinstance(name, str) and name in TYPES for name in names)


def _are_names(value: object) -> bool:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return False
    return len(set(value)) == len(value)


def _is_object(value: object) -> bool:
    return isinstance(value, dict)


def _is_filled(value: object) -> bool:
    return isinstance(value, list) and bool(value)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


Check = tuple[Callable[[object], bool], str]
CHECKS: Mapping[str, Check] = MappingProxyType(
    {
        "type": (_is_type, f"one of {', '.join(TYPES)}, or a list of them"),
        "required": (_are_names, "a list of different names"),
        "enum": (_is_filled, "a list with something in it"),
        **dict.fromkeys(("properties", "patternProperties", "$defs", "definitions"), (_is_object, "an object")),
        **dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), (_is_filled, "a list of JSON schemas")),
        **dict.fromkeys(("description", "title", "pattern", "format", "$ref"), (_is_text, "text")),
        **dict.fromkeys(("minimum", "maximum"), (_is_number, "a number")),
        **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), (_is_count, "a whole number from 0")),
    }
)
"""By keyword: whether its value may be one, and what it must be."""
