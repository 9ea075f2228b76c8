"""What could be read from a picture about how it was made; nothing in it is trusted."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MAX_TEXT = 20_000  # characters of a prompt
MAX_NAME = 300
MAX_EXTRAS = 40
LARGEST = 2**64 - 1  # ComfyUI's seeds go so far


@dataclass(frozen=True, slots=True)
class Recovered:
    """None is what wasn't found, or made no sense."""

    source_format: str
    """Who wrote it: `atrium`, `a1111`, `comfyui` or `invokeai`."""
    prompt: str | None = None
    negative_prompt: str | None = None
    width: int | None = None
    height: int | None = None
    steps: int | None = None
    guidance: float | None = None
    seed: int | None = None
    scheduler: str | None = None
    """Our name where we have the same one, else theirs."""
    strength: float | None = None
    adapter_strength: float | None = None
    model: str | None = None
    """Its name, as the file tells it."""
    extras: Mapping[str, str] = field(default_factory=dict)
    """What else is told, as text."""


def recovered(source_format: str, found: Mapping[str, Any], extras: Mapping[str, Any]) -> Recovered | None:
    """Takes what is of the right kind and within bounds. None where nothing is left."""
    checked: dict[str, Any] = {name: check(found.get(name)) for name, check in CHECKS.items()}
    if all(value is None for value in checked.values()):
        return None
    told = [(key[:MAX_NAME], str(value)[:MAX_NAME]) for key, value in extras.items() if isinstance(key, str)]
    return Recovered(source_format, extras=dict(told[:MAX_EXTRAS]), **checked)


def loaded(text: str | None) -> dict[str, Any]:
    """A JSON object; empty where it is none, also where it is nested so deeply that reading it is given up."""
    try:
        value = json.loads(text or "")
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def text(value: Any) -> str | None:
    return value if isinstance(value, str) and len(value) <= MAX_TEXT else None


def name(value: Any) -> str | None:
    return value if isinstance(value, str) and 0 < len(value) <= MAX_NAME else None


def whole(value: Any) -> int | None:
    """From 0 up; `20.0` and `"20"` are taken too."""
    number = real(value)
    if isinstance(value, str | int) and not isinstance(value, bool) and number is not None:
        try:
            exact = int(value)
        except ValueError:
            return None
        return exact if 0 <= exact <= LARGEST else None
    return int(number) if number is not None and number.is_integer() and 0 <= number <= LARGEST else None


def real(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)[:50]) == 50:
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


CHECKS = {
    "prompt": text, "negative_prompt": text, "width": whole, "height": whole, "steps": whole, "guidance": real,
    "seed": whole, "scheduler": name, "strength": real, "adapter_strength": real,
    "model": name,
}  # fmt: skip
