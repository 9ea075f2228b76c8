"""Inviting people to a project, and joining it."""

from __future__ import annotations

from datetime import timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models.functions import Now
from django.http import Http404
from django.utils import timezone

from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.accounts.notices import access_changed
from apps.audit.record import record
from apps.lib.ids import hash_token, new_token
from apps.projects.invitations import GONE, InvitationRefused, check_invitation
from apps.projects.members import lock_members
from apps.projects.models import Invitation, Membership, Project, Role
from apps.projects.targets import invitation_target

MAX_OPEN = 100


@transaction.atomic
def invite(*, actor: User, project: Project, email: str, role: Role, days: int) -> tuple[Invitation, str]:
    """A new invitation, good for `days` days, and its token, of which only a hash is kept.

    With `email` ("" for anyone) an older open one for the same address is revoked: the last word counts.
    """
    members = lock_members(project.pk)
    if role > members.owner(actor, writable=True).role:
        raise PermissionDenied("You can't give a role above your own.")
    email = email.lower()
    if member := next((m for m in members.by_person.values() if m.user.email == email), None):
        raise NotAllowed(f"{member.user} is a member already, as {member.role_name}. You can change the role below.")
    still_open = Invitation.objects.filter(project=project).open()
    if email:
        still_open.filter(email=email).update(revoked_at=Now())
    if still_open.count() >= MAX_OPEN:
        raise NotAllowed(f"{MAX_OPEN} invitations to this project are open. Revoke some before you send more.")
    token, until = new_token(), timezone.now() + timedelta(days=days)
    invitation = Invitation.objects.create(
        project=project, token_hash=hash_token(token), email=email, role=role, created_by=actor, expires_at=until
    )
    target, name = invitation_target(invitation), invitation.role_name
    record("project.invitation.created", actor=actor, target=target, project_id=project.pk, role=name, days=days)
    return invitation, token


@transaction.atomic
def revoke_invitation(*, actor: User, project: Project, invitation_id: str) -> bool:
    """False where it is not open any more."""
    lock_members(project.pk).owner(actor)
    found = Invitation.objects.filter(project=project, pk=invitation_id)
    if not found.open().update(revoked_at=Now()):
        return False
    target = invitation_target(found.get())
    record("project.invitation.revoked", actor=actor, target=target, project_id=project.pk)
    return True


@transaction.atomic
def accept_invitation(*, actor: User, invitation: Invitation) -> Membership:
    """Make `actor` a member. One who is a member already stays as they are, and the invitation stays open.

    Of many who try at once one succeeds; the others get InvitationRefused. Http404 where it was deleted meanwhile.
    """
    members = lock_members(invitation.project_id)
    if actor.pk in members.by_person:
        return members.by_person[actor.pk]
    current = Invitation.objects.select_related("project", "created_by").filter(pk=invitation.pk).first()
    if current is None:
        raise Http404("There is no such invitation any more.")
    check_invitation(current, actor)
    claimed = Invitation.objects.filter(pk=current.pk).open().update(accepted_at=Now(), accepted_by=actor)
    if not claimed:
        raise InvitationRefused(GONE, "This invitation has just been used or has expired. Ask for a new one.")
    membership = Membership.objects.create(project=members.project, user=actor, role=current.role)
    target, role = invitation_target(current), current.role_name
    record("project.invitation.accepted", actor=actor, target=target, project_id=current.project_id, role=role)
    access_changed(actor)
    return membership
