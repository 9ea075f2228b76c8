"""Ending the sessions of a person."""

from __future__ import annotations

from collections.abc import Iterable

from allauth.usersessions.models import UserSession
from django.db import transaction

from apps.accounts.models import User
from apps.accounts.notices import access_changed
from apps.accounts.targets import person_target
from apps.audit.record import record


@transaction.atomic
def end_sessions(*, actor: User, person: User, sessions: Iterable[UserSession]) -> int:
    """End these sessions of `person`; returns how many there were."""
    count = 0
    for session in sessions:
        session.end()
        count += 1
    if count:
        record("account.session.revoked", actor=actor, target=person_target(person), count=count)
        access_changed(person)
    return count


def end_all_sessions(*, actor: User, person: User) -> int:
    return end_sessions(actor=actor, person=person, sessions=UserSession.objects.filter(user=person))
