"""The rows of `apps/console`, what is sent, and what its addresses are about: see tests/matrix/tables.py."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group

from apps.accounts.actions.invitations import invite_to_sign_up
from tests.world import World

ROWS = """
# route                              method  anonymous stranger viewer editor owner admin

console_overview                     GET     login 404  404  404  404  200
console_settings                     GET     login 404  404  404  404  200
console_settings                     POST    login 404  404  404  404  302
console_invitations                  GET     login 404  404  404  404  200
console_invite                       POST    login 404  404  404  404  302
console_uninvite                     POST    login 404  404  404  404  302
console_people                       GET     login 404  404  404  404  200
console_person                       GET     login 404  404  404  404  200
console_role                         POST    login 404  404  404  404  302
console_change_person                POST    login 404  404  404  404  302
console_groups                       GET     login 404  404  404  404  200
console_group_new                    POST    login 404  404  404  404  302
console_group                        GET     login 404  404  404  404  200
console_group_rename                 POST    login 404  404  404  404  302
console_group_delete                 POST    login 404  404  404  404  302
console_group_add                    POST    login 404  404  404  404  302
console_group_remove                 POST    login 404  404  404  404  302
"""
FORMS: dict[tuple[str, str], dict[str, Any]] = {
    ("console_settings", "POST"): {"sign_up": "open"},
    ("console_invite", "POST"): {"email": "", "days": "7"},
    ("console_role", "POST"): {"role": "auditor"},
    ("console_group_new", "POST"): {"name": "Writers"},
    ("console_group_rename", "POST"): {"name": "Others"},
    ("console_group_add", "POST"): {"person": "owner@example.org"},
}
JSON: dict[tuple[str, str], dict[str, Any]] = {}
FOR_ADMINISTRATORS = {
    "console_settings",
    "console_invite",
    "console_uninvite",
    "console_role",
    "console_change_person",
    "console_group_new",
    "console_group_rename",
    "console_group_delete",
    "console_group_add",
    "console_group_remove",
}
"""What governors may not do."""
FORMS_OF_GOVERNORS: set[str] = set()
"""Pages that are only a form: an auditor has no use for them."""


def things(world: World) -> dict[str, dict[str, Any]]:
    """For each route of this room the parts of its address."""
    group = Group.objects.create(name="Readers of the matrix")
    group.user_set.add(world.viewer)
    invitation, _ = invite_to_sign_up(actor=world.admin, email="", days=1)
    person, of_group = {"person_id": world.stranger.pk}, {"group_id": group.pk}
    return {
        "console_uninvite": {"invitation_id": invitation.pk},
        "console_person": person,
        "console_role": person,
        "console_change_person": person | {"change": "deactivate"},
        "console_group": of_group,
        "console_group_rename": of_group,
        "console_group_delete": of_group,
        "console_group_add": of_group,
        "console_group_remove": of_group | {"person_id": world.viewer.pk},
    }
