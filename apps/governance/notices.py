"""Tells whoever acts on permissions that they changed, so that it looks again now instead of within a second."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

_listeners: list[Callable[[], None]] = []


def when_permissions_change(listener: Callable[[], None]) -> None:
    """`listener()` runs after each commit that changed who may do what; it must not raise."""
    _listeners.append(listener)


def permissions_changed() -> None:
    """Call inside the transaction of the change. A lost notice costs only time."""
    for listener in _listeners:
        transaction.on_commit(listener, robust=True)
