"""Who belongs to a project, and in which role."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.accounts.notices import access_changed
from apps.accounts.targets import person_target
from apps.audit.record import record
from apps.projects.members import lock_members
from apps.projects.models import Invitation, Membership, Project, Role


@transaction.atomic
def change_role(*, actor: User, project: Project, person: User, role: Role) -> bool:
    """False where they have that role already."""
    members = lock_members(project.pk)
    members.owner(actor)
    membership = members.of(person)
    if membership.role == role:
        return False
    if role < Role.OWNER:
        members.keep_an_owner(membership, actor)
    old = membership.role_name
    _set_role(membership, role)
    target, new = person_target(person), membership.role_name
    record("project.member.role_changed", actor=actor, target=target, project_id=project.pk, old=old, new=new)
    return True


@transaction.atomic
def remove_member(*, actor: User, project: Project, person: User) -> None:
    members = lock_members(project.pk)
    members.owner(actor)
    membership = members.of(person)
    members.keep_an_owner(membership, actor)
    _end(membership)
    target, role = person_target(person), membership.role_name
    record("project.member.removed", actor=actor, target=target, project_id=project.pk, role=role)


@transaction.atomic
def leave_project(*, actor: User, project: Project) -> None:
    members = lock_members(project.pk)
    membership = members.of(actor)
    members.keep_an_owner(membership, actor)
    _end(membership)
    target, role = person_target(actor), membership.role_name
    record("project.member.left", actor=actor, target=target, project_id=project.pk, role=role)


@transaction.atomic
def transfer_ownership(*, actor: User, project: Project, person: User) -> None:
    """`person` becomes an owner and `actor` an editor, both or neither."""
    members = lock_members(project.pk)
    own, theirs = members.owner(actor), members.of(person)
    if person == actor:
        raise NotAllowed("You own this project already. Choose another member to hand it over to.")
    if not theirs.user.is_active:
        raise NotAllowed(f"The account of {person} is deactivated. Choose a member who can sign in.")
    _set_role(theirs, Role.OWNER)
    _set_role(own, Role.EDITOR)
    record("project.ownership.transferred", actor=actor, target=person_target(person), project_id=project.pk)


def _set_role(membership: Membership, role: Role) -> None:
    membership.role = role
    membership.save(update_fields=["role"])
    if role < Role.OWNER:
        _revoke_invitations_by(membership)
    access_changed(membership.user)


def _end(membership: Membership) -> None:
    _revoke_invitations_by(membership)
    access_changed(membership.user)
    membership.delete()


def _revoke_invitations_by(membership: Membership) -> None:
    """Who may not invite any more must not come back, or bring others, by a link made earlier."""
    made = Invitation.objects.filter(project_id=membership.project_id, created_by=membership.user)
    made.open().update(revoked_at=Now())
