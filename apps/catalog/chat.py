"""Token ids of conversations, for the models of the catalogue."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from apps.catalog.models import ModelVersion
from apps.catalog.store import model_store
from engine.chat import ChatFormat, template
from engine.janus.chat import JanusChat
from engine.janus.folder import is_janus


def encode_chat(
    version: ModelVersion,
    messages: Sequence[Mapping[str, Any]],
    *,
    effort: str | None = None,
    tools: Sequence[Mapping[str, Any]] = (),
) -> list[int]:
    """The chat as `version` reads it, ready for its answer; `effort` is for those whose template takes one. A message
    may have `pictures`, a list: each is one placeholder here. `tools`: functions that it may call.

    Raises ChatError, or StoreError where files are gone.
    """
    counted = [{**message, "pictures": len(message.get("pictures", ()))} for message in messages]
    return chat_format(version).encode(counted, effort=effort if version.takes_effort else None, tools=tools)


def takes_tools(version: ModelVersion) -> bool:
    """Whether `version` can be told of functions to call. Of an upstream that isn't known before it is asked."""
    return version.is_upstream or _takes_tools(version.chat_template)


def takes_calls(version: ModelVersion) -> tuple[bool, bool]:
    """Whether `version` can be shown calls of tools and their results, and whether calls that have none. Upstreams are
    not shown the latter: most refuse them."""
    return (True, False) if version.is_upstream else _takes_calls(version.chat_template)


def takes_thoughts(version: ModelVersion) -> bool:
    """Whether `version` can be shown the thoughts that led to a call of a tool, while it is being answered. Upstreams
    aren't: what they call them differs, and some refuse a name that they don't know."""
    return not version.is_upstream and _takes_thoughts(version.chat_template)


def chat_length(version: ModelVersion, prompt_ids: Sequence[int]) -> int:
    """Tokens that the model reads: more than `prompt_ids` has where there are pictures. Raises as `encode_chat`."""
    return chat_format(version).length(prompt_ids)


def count_tokens(version: ModelVersion, text: str) -> int:
    """Tokens of a text alone. Raises as `encode_chat`."""
    return chat_format(version).count(text)


def inner_tokens(version: ModelVersion, text: str) -> list[tuple[int, str]]:
    """Tokens of a text inside of another, each with what it stands for. Raises as `encode_chat`."""
    return chat_format(version).inner(text)


def chat_format(version: ModelVersion) -> ChatFormat:
    """Loaded once (0.2 s), then kept for the most recently used models."""
    return _loaded(model_store().root, version.foundation.digest)


_takes_calls = lru_cache(maxsize=256)(template.takes_calls)
_takes_thoughts = lru_cache(maxsize=256)(template.takes_thoughts)
_takes_tools = lru_cache(maxsize=256)(template.takes_tools)


@lru_cache(maxsize=16)
def _loaded(_root: Path, digest: str) -> ChatFormat:
    folder = model_store().path(digest)
    return JanusChat.load(folder) if is_janus(folder) else ChatFormat.load(folder)
