"""People and site objects as the audit log names them."""

from __future__ import annotations

from django.contrib.auth.models import Group

from apps.accounts.models import SignUpInvitation, User
from apps.audit.record import Target

SITE = Target("site", "site", "this site")


def person_target(person: User) -> Target:
    return Target("user", person.pk, person.email)


def invitation_target(invitation: SignUpInvitation) -> Target:
    return Target("sign_up_invitation", invitation.pk, invitation.email or "by link")


def group_target(group: Group) -> Target:
    return Target("group", str(group.pk), group.name)
