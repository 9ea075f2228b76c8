"""The model store of this installation."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from engine.store import ModelStore


def model_store() -> ModelStore:
    """At settings.MODEL_STORE; one object a process, so that hashes are verified once."""
    return _at(settings.MODEL_STORE)


@lru_cache(maxsize=8)
def _at(root: Path) -> ModelStore:
    return ModelStore(root)
