"""Every action that the audit log knows. Each app registers its own when it is ready."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_actions: dict[str, str] = {}


class UnknownAction(LookupError):
    """Code wants to record an action that no app has registered."""


def register(actions: Mapping[str, str]) -> None:
    """Add dotted actions, each with the sentence that people read. Two meanings for one action raise ValueError."""
    for action, sentence in actions.items():
        if _actions.get(action, sentence) != sentence:
            raise ValueError(f"The audit action {action!r} is registered twice: {_actions[action]!r}, {sentence!r}.")
        _actions[action] = sentence


def require(action: str) -> None:
    if action not in _actions:
        raise UnknownAction(f"{action!r} is not registered; add it to the audit_actions.py of its app.")


def sentence_of(action: str) -> str:
    """What to show for `action`; the action itself for one of an older release that no app registers any more."""
    return _actions.get(action, action)


def registered() -> Mapping[str, str]:
    """All actions with their sentences, read-only."""
    return MappingProxyType(_actions)
