"""What stands against deleting an account, and what goes with it. Other apps add to both."""

from __future__ import annotations

from collections.abc import Callable

from apps.accounts.models import User

Guard = Callable[[User], str | None]
Hook = Callable[[User], None]
_guards: list[Guard] = []
_hooks: list[Hook] = []


def register_deletion_guard(guard: Guard) -> None:
    """`guard(user)` returns a sentence that says why the account can't go yet and what to do, or None."""
    _guards.append(guard)


def register_deletion_hook(hook: Hook) -> None:
    """`hook(user)` runs in the transaction of the deletion, just before the person goes."""
    _hooks.append(hook)


def why_not(user: User) -> list[str]:
    return [reason for guard in _guards if (reason := guard(user))]


def run_hooks(user: User) -> None:
    for hook in _hooks:
        hook(user)
