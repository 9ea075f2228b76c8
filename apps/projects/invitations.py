"""Finding an invitation by the token of its link, and why somebody may not use it."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import Http404
from django.urls import reverse

from apps.accounts.models import User
from apps.lib.ids import hash_token
from apps.projects.access import archived
from apps.projects.models import Invitation

GONE, FORBIDDEN = 410, 403


class InvitationRefused(Exception):
    """Its text is a sentence for the person who followed the link; `status` fits an HTTP answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def find_invitation(token: str) -> Invitation:
    """Open or not. Http404 for a token that was never given out."""
    invitations = Invitation.objects.select_related("project", "created_by")
    found = invitations.filter(token_hash=hash_token(token)).first()
    if found is None:
        raise Http404("There is no such invitation. Check that the whole link was copied.")
    return found


def check_invitation(invitation: Invitation, user: User | AnonymousUser) -> None:
    """Raise InvitationRefused where `user` may not join by it; signed-out people are checked for what can be known."""
    project = invitation.project
    if ended := invitation.ended():
        raise InvitationRefused(GONE, f"This invitation to {project} {ended}. Ask an owner of {project} for a new one.")
    if not invitation.created_by.is_active:
        sentence = f"{invitation.created_by} has left. Ask another owner of {project} to invite you."
        raise InvitationRefused(GONE, sentence)
    if isinstance(user, User) and invitation.email and invitation.email != user.email.lower():
        raise InvitationRefused(
            FORBIDDEN,
            f"This invitation is for {invitation.email}, and you are signed in as {user.email}. "
            "Sign in with the other address, or ask for an invitation of your own.",
        )
    if project.archived_at:
        raise InvitationRefused(FORBIDDEN, archived(project))


def link_to(token: str) -> str:
    """The whole address, for a mail or to copy."""
    return settings.SITE_URL + reverse("invitation", args=[token])
