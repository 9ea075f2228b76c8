"""What administrators do to people."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.actions.sessions import end_all_sessions
from apps.accounts.admins import LAST_ADMIN, is_last_admin
from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.accounts.notices import access_changed
from apps.accounts.targets import person_target
from apps.audit.record import record


@transaction.atomic
def deactivate(*, actor: User, person: User) -> None:
    """Sign `person` out everywhere, at once, and for good until reactivated."""
    _keep_an_admin(person)
    if not User.objects.filter(pk=person.pk, is_active=True).update(is_active=False):
        return
    record("person.deactivated", actor=actor, target=person_target(person))
    end_all_sessions(actor=actor, person=person)
    access_changed(person)


@transaction.atomic
def reactivate(*, actor: User, person: User) -> None:
    if User.objects.filter(pk=person.pk, is_active=False).update(is_active=True):
        record("person.reactivated", actor=actor, target=person_target(person))


@transaction.atomic
def make_admin(*, actor: User, person: User) -> None:
    changed = User.objects.filter(pk=person.pk, is_active=True, is_superuser=False)
    if changed.update(is_superuser=True, is_staff=True):
        record("person.admin.granted", actor=actor, target=person_target(person))


@transaction.atomic
def unmake_admin(*, actor: User, person: User) -> None:
    _keep_an_admin(person)
    if User.objects.filter(pk=person.pk, is_superuser=True).update(is_superuser=False, is_staff=False):
        record("person.admin.revoked", actor=actor, target=person_target(person))


def _keep_an_admin(person: User) -> None:
    if is_last_admin(person):
        raise NotAllowed(LAST_ADMIN.format(name=person))
