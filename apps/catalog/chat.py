"""Token ids of conversations, for the models of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from apps.catalog.models import ModelVersion
from apps.catalog.store import model_store
from engine.chat import ChatFormat


def encode_chat(
    version: ModelVersion, messages: Sequence[Mapping[str, str]], *, effort: str | None = None
) -> list[int]:
    """The chat as `version` reads it, ready for its answer; `effort` is for those whose template takes one.

    Raises ChatError, or StoreError where files are gone.
    """
    return chat_format(version).encode(messages, effort=effort if version.takes_effort else None)


def count_tokens(version: ModelVersion, text: str) -> int:
    """Tokens of a text alone. Raises as `encode_chat`."""
    return chat_format(version).count(text)


def chat_format(version: ModelVersion) -> ChatFormat:
    """Loaded once (0.2 s), then kept for the most recently used models."""
    return _loaded(model_store().root, version.foundation.digest)


@lru_cache(maxsize=16)
def _loaded(_root: Path, digest: str) -> ChatFormat:
    return ChatFormat.load(model_store().path(digest))
