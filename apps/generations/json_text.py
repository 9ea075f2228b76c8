"""JSON that people write by hand: reading it, and saying where it is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NoReturn

MAX_DEPTH = 50


def read_json(
    text: str, called: str, *, parse_int: Callable[[str], Any] = int, parse_float: Callable[[str], Any] = float
) -> Any:
    """called: what the text is, at the beginning of a sentence; the rest as of `json.loads`. Raises ValueError with a
    sentence."""
    try:
        return json.loads(text, parse_constant=_no_constant, parse_int=parse_int, parse_float=parse_float)
    except json.JSONDecodeError as error:
        message = f"This is not JSON: {_lower(error.msg)}, in line {error.lineno}, column {error.colno}."
        raise ValueError(message) from None
    except RecursionError:
        raise ValueError(f"{called} is nested too deeply; up to {MAX_DEPTH} levels are allowed.") from None
    except ValueError as error:
        raise ValueError(f"This is not JSON: {error}.") from None


def check_depth(value: object, called: str) -> None:
    """called: as in `read_json`. Raises ValueError with a sentence."""
    if (depth := _depth_of(value)) > MAX_DEPTH:
        raise ValueError(f"{called} is nested {depth} levels deep; up to {MAX_DEPTH} are allowed.")


def _depth_of(value: object) -> int:
    """Levels of objects and lists."""
    deepest, inside = 0, [(value, 1)]
    while inside:
        each, level = inside.pop()
        if isinstance(each, dict | list):
            deepest = max(deepest, level)
            inside += [(part, level + 1) for part in (each.values() if isinstance(each, dict) else each)]
    return deepest


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"it knows no {name}")


def _lower(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]
