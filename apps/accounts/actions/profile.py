"""What people do to their own account."""

from __future__ import annotations

from allauth.account.models import EmailAddress
from django.db import transaction

from apps.accounts import deletion
from apps.accounts.addresses import own_addresses
from apps.accounts.errors import NotAllowed
from apps.accounts.export import export_of
from apps.accounts.models import User
from apps.accounts.notices import access_changed
from apps.accounts.targets import person_target
from apps.audit.erasure import erase_person
from apps.audit.record import record


@transaction.atomic
def rename_person(*, person: User, display_name: str) -> None:
    person.display_name = display_name
    person.save(update_fields=["display_name"])
    record("account.renamed", actor=person, target=person_target(person))


@transaction.atomic
def complete_account(*, person: User, display_name: str, email: str, password: str) -> None:
    """Give someone who came by a one-time link an address and a password of their own."""
    record("account.completed", actor=person, target=person_target(person))
    person.display_name, person.email = display_name, email
    person.set_password(password)
    person.save(update_fields=["display_name", "email", "password"])
    EmailAddress.objects.filter(user=person).delete()
    EmailAddress.objects.create(user=person, email=email, primary=True, verified=False)


@transaction.atomic
def export_account(*, person: User) -> bytes:
    """A zip archive of everything that is this person's own."""
    record("account.exported", actor=person, target=person_target(person))
    return export_of(person)


@transaction.atomic
def delete_account(*, person: User) -> None:
    if reasons := deletion.why_not(person):
        raise NotAllowed(" ".join(reasons))
    record("account.deleted", actor=person, target=person_target(person))
    access_changed(person)
    person_id, addresses = str(person.pk), own_addresses(person)
    deletion.run_hooks(person)
    person.delete()
    # At the very end: what ends with the account is recorded too, and names them.
    erase_person(person_id, addresses)
