"""What the audit log has to know about people: who reads it, and that it forgets who leaves."""

from __future__ import annotations

from typing import cast

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.core.exceptions import PermissionDenied
from django.http import Http404

from apps.accounts.deletion import register_deletion_hook
from apps.accounts.models import User
from apps.accounts.powers import NEEDED, Power, powers_of
from apps.audit.access import allow_readers
from apps.audit.erasure import erase_person


def check_reader(user: AbstractBaseUser | AnonymousUser) -> None:
    powers = powers_of(cast("User | AnonymousUser", user))
    if not powers:
        raise Http404("There is no such page.")
    if Power.SEE_AUDIT not in powers:
        raise PermissionDenied(NEEDED[Power.SEE_AUDIT])


def erase(person: User) -> None:
    erase_person(str(person.pk))


def connect() -> None:
    allow_readers(check_reader)
    register_deletion_hook(erase)
