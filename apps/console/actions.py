"""What the console writes itself: changes that touch two rooms, and who looked at whom."""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.db import transaction

from apps.accounts.actions.groups import delete_group, remove_from_group
from apps.accounts.models import User
from apps.accounts.targets import person_target
from apps.audit.record import record
from apps.governance.actions.lockout import not_locking_everybody_out
from apps.governance.notices import permissions_changed
from apps.projects.models import Project


@transaction.atomic
def remove_group(*, actor: User, group: Group) -> None:
    """Its grants end with it. Raises GovernanceRefused where after that nobody could use any model."""
    with not_locking_everybody_out():
        delete_group(actor=actor, group=group)
    permissions_changed()


@transaction.atomic
def leave_group(*, actor: User, group: Group, person: User) -> bool:
    """What `person` runs by a grant of the group alone stops within a second or two. False where nothing changed.

    Raises GovernanceRefused where after that nobody could use any model.
    """
    with not_locking_everybody_out():
        if not remove_from_group(actor=actor, group=group, person=person):
            return False
    permissions_changed()
    return True


def record_look(*, actor: User, person: User, project: Project | None) -> None:
    """Somebody reads what another one may do, in a project of theirs or apart from any."""
    project_id = project.pk if project else ""
    record("person.viewed", actor=actor, target=person_target(person), project_id=project_id)
