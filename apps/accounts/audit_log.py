"""The audit log forgets who leaves."""

from __future__ import annotations

from apps.accounts.deletion import register_deletion_hook
from apps.accounts.models import User
from apps.audit.erasure import erase_person


def erase(person: User) -> None:
    erase_person(str(person.pk))


def connect() -> None:
    register_deletion_hook(erase)
