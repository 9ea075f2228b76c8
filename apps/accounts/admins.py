"""The rule that a site always keeps an administrator."""

from __future__ import annotations

from apps.accounts.models import User

LAST_ADMIN = "{name} is the only administrator. Make someone else an administrator first, under People."


def is_last_admin(person: User) -> bool:
    """Whether the site would be without an administrator if `person` went.

    Locks the administrators' rows until the transaction ends, so that two of them can't leave at the same time.
    """
    admins = User.objects.select_for_update().filter(is_superuser=True, is_active=True).order_by("pk")
    return list(admins.values_list("pk", flat=True)) == [person.pk]


def last_admin_guard(user: User) -> str | None:
    return LAST_ADMIN.format(name="This account") if is_last_admin(user) else None
