"""The largest values that a grant may allow, and what becomes of parameters under them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from apps.governance.errors import GovernanceRefused


@dataclass(frozen=True, slots=True)
class Limit:
    """A parameter that a grant can limit. A limit below `smallest` would permit nothing at all."""

    label: str
    noun: str
    smallest: int


LIMITS: Mapping[str, Limit] = MappingProxyType({"max_tokens": Limit("Longest answer", "tokens", 1)})


def clean_limits(raw: Mapping[str, Any]) -> dict[str, int]:
    """Those that are set, as whole numbers; None and "" mean no limit. Raises GovernanceRefused with a sentence."""
    cleaned: dict[str, int] = {}
    for name, value in raw.items():
        limit = LIMITS.get(name)
        if limit is None:
            raise GovernanceRefused(f"“{str(name)[:64]}” can't be limited. What can: {', '.join(LIMITS)}.")
        if value is not None and value != "":
            cleaned[name] = _whole(limit, value)
    return cleaned


def broken_limit(limits: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    """A sentence about the first of `params` that is larger than its limit; "" where all keep to theirs."""
    for name, largest in limits.items():
        wanted = params.get(name)
        if wanted is not None and wanted > largest:
            limit = LIMITS[name]
            return f"{limit.label}: your access allows up to {largest:,} {limit.noun}, and this asks for {wanted:,}."
    return ""


def capped(params: Mapping[str, Any], limits: Mapping[str, Any]) -> dict[str, Any]:
    """`params` with each value at most its limit."""
    return {name: min(value, limits[name]) if name in limits else value for name, value in params.items()}


def _whole(limit: Limit, value: Any) -> int:
    try:
        number = 0 if isinstance(value, bool) else int(value)
        number = number if number == value or isinstance(value, str) else 0
    except (TypeError, ValueError, OverflowError):
        number = 0
    if not limit.smallest <= number < 2**31:
        raise GovernanceRefused(
            f"{limit.label} must be a whole number from {limit.smallest} {limit.noun}: less would permit nothing."
        )
    return number
