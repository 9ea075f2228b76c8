"""What administrators do to people."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.actions.sessions import end_all_sessions
from apps.accounts.admins import LAST_ADMIN, is_last_admin
from apps.accounts.errors import NotAllowed
from apps.accounts.models import SiteRole, User
from apps.accounts.notices import access_changed
from apps.accounts.targets import person_target
from apps.audit.record import record

ADMIN = "admin"
"""The role that is no SiteRole: `is_superuser`."""


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


@transaction.atomic
def set_site_role(*, actor: User, person: User, role: SiteRole) -> None:
    """What `person` does for the site beside being, or not being, an administrator."""
    old = User.objects.select_for_update().values_list("site_role", flat=True).get(pk=person.pk)
    if old == role:
        return
    User.objects.filter(pk=person.pk).update(site_role=role)
    record("person.role.changed", actor=actor, target=person_target(person), old=old, new=role.value)


@transaction.atomic
def set_role(*, actor: User, person: User, role: str) -> None:
    """ADMIN or one of SiteRole. An administrator has every power, so whoever becomes one keeps no smaller role.

    Raises NotAllowed where the site would be left without an administrator, or where the person is deactivated.
    """
    if role == ADMIN:
        if not person.is_active:
            raise NotAllowed(f"{person} is deactivated. Reactivate the account first.")
        set_site_role(actor=actor, person=person, role=SiteRole.MEMBER)
        make_admin(actor=actor, person=person)
        return
    if person.is_superuser:
        unmake_admin(actor=actor, person=person)
    set_site_role(actor=actor, person=person, role=SiteRole(role))


def _keep_an_admin(person: User) -> None:
    if is_last_admin(person):
        raise NotAllowed(LAST_ADMIN.format(name=person))
