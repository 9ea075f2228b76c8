"""The sampling that a model's makers recommend: small models write nonsense at settings that suit large ones."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NAMES = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")


def recommended_sampling(folder: Path) -> dict[str, float]:
    """What `generation_config.json` of a stored model says; nothing where it is missing, wrong or greedy."""
    try:
        config = json.loads((folder / "generation_config.json").read_text())
    except (OSError, ValueError):
        return {}
    return usable(config) if isinstance(config, dict) and config.get("do_sample", True) else {}


def usable(raw: Mapping[str, Any]) -> dict[str, float]:
    """Of `raw`, the sampling parameters that are finite numbers."""
    return {name: raw[name] for name in NAMES if _is_number(raw.get(name))}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
