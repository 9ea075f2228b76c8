"""Checks on what a page sent. Each refusal is a sentence that says what is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.generations.errors import Refused
from apps.studio.models import MAX_BOARD_NAME

MAX_CHOSEN = 200


def refused(code: str, message: str, *, status: int = 422, **details: Any) -> Refused:
    return Refused(status=status, code=code, message=message, **details)


def ids_in(raw: object) -> list[str]:
    """The ids of chosen pictures: at least one, at most MAX_CHOSEN."""
    if not isinstance(raw, list) or not all(isinstance(each, str) for each in raw):
        raise refused("invalid", "“pictures” must be a list of ids.")
    if not 1 <= len(raw) <= MAX_CHOSEN:
        raise refused("invalid", f"Choose 1 to {MAX_CHOSEN} pictures.")
    return raw


def board_name_in(data: Mapping[str, Any]) -> str:
    raw = data.get("name")
    name = " ".join(raw.split()) if isinstance(raw, str) else ""
    if "\0" in name:
        raise refused("invalid", "The name must be text.", field="name")
    if not 1 <= len(name) <= MAX_BOARD_NAME:
        raise refused("empty", f"Give the board a name of 1 to {MAX_BOARD_NAME} characters.", field="name")
    return name


def flag_in(data: Mapping[str, Any], name: str) -> bool:
    if not isinstance(value := data.get(name), bool):
        raise refused("invalid", f"“{name}” must be true or false.")
    return value


def count_in(data: Mapping[str, Any], most: int) -> int:
    """How many pictures are wanted; one where nothing is said."""
    raw = data.get("count", 1)
    number = int(raw) if isinstance(raw, str) and raw.isdecimal() and len(raw) < 6 else raw
    if not isinstance(number, int) or isinstance(number, bool) or not 1 <= number <= most:
        raise refused("invalid", f"Ask for 1 to {most} pictures at once.", field="count")
    return number


def params_in(data: Mapping[str, Any]) -> dict[str, Any]:
    raw = data.get("params")
    if not isinstance(raw, dict):
        raise refused("invalid", "“params” must be an object of parameters.")
    return raw
