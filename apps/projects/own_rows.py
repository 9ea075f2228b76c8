"""What a person takes with them from projects, and what happens to those when an account is deleted."""

from __future__ import annotations

from typing import Any

from apps.accounts.addresses import own_addresses
from apps.accounts.deletion import register_deletion_guard, register_deletion_hook
from apps.accounts.export import register_exporter
from apps.accounts.models import User
from apps.audit.record import record
from apps.projects.members import Members, lock_members
from apps.projects.models import Invitation, Membership, Project, Role
from apps.projects.targets import project_target

Rows = list[dict[str, Any]]


def projects(user: User) -> Rows:
    memberships = Membership.objects.filter(user=user).select_related("project")
    return [
        {"project": row.project.pk, "name": row.project.name, "role": row.role_name, "since": row.created_at}
        for row in memberships
    ]


def project_invitations_sent(user: User) -> Rows:
    sent = Invitation.objects.filter(created_by=user)
    fields = ("project", "email", "created_at", "expires_at", "accepted_at", "revoked_at")
    return [dict(row) for row in sent.values(*fields)]


def last_owner_guard(user: User) -> str | None:
    """Refuse while others would be left in a project without an owner. Locks those projects until the deletion ends."""
    left = [members.project.name for members in _owned(user) if _is_needed(members, user)]
    if not left:
        return None
    names, them = ", ".join(left), "them" if len(left) > 1 else "it"
    return f"You are the last owner of {names}. Hand {them} over to another member, or delete {them}, first."


def delete_lonely_projects(user: User) -> None:
    """Projects that nobody else belongs to go with the account."""
    for members in _owned(user):
        if set(members.by_person) == {user.pk}:
            project = members.project
            record("project.deleted", actor=user, target=project_target(project), project_id=project.pk, members=1)
            project.delete()


def forget_addresses(user: User) -> None:
    """Invitations that others sent to them: those end, and keep no address."""
    Invitation.objects.forget(user, own_addresses(user))


def register() -> None:
    register_exporter(projects.__name__, projects)
    register_exporter(project_invitations_sent.__name__, project_invitations_sent)
    register_deletion_guard(last_owner_guard)
    register_deletion_hook(delete_lonely_projects)
    register_deletion_hook(forget_addresses)


def _owned(user: User) -> list[Members]:
    owned = Project.objects.filter(memberships__user=user, memberships__role=Role.OWNER)
    # Always in the same order, so that two people who leave at once can't wait for each other.
    return [lock_members(pk) for pk in owned.order_by("pk").values_list("pk", flat=True)]


def _is_needed(members: Members, user: User) -> bool:
    return len(members.by_person) > 1 and not members.has_other_owner(user)
