"""Invitations to sign up."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models.functions import Now
from django.http import HttpRequest
from django.utils import timezone

from apps.accounts.models import SignUpInvitation, SiteSettings, User
from apps.accounts.signup import SESSION_KEY, permit_in
from apps.accounts.targets import invitation_target
from apps.audit.record import record
from apps.lib.ids import hash_token, new_token


@transaction.atomic
def invite_to_sign_up(*, actor: User, email: str, days: int) -> tuple[SignUpInvitation, str]:
    """A new invitation, good for `days` days, and its token, which is kept nowhere."""
    token = new_token()
    invitation = SignUpInvitation.objects.create(
        token_hash=hash_token(token),
        email=email.lower(),
        created_by=actor,
        expires_at=timezone.now() + timedelta(days=days),
    )
    record("signup.invitation.created", actor=actor, target=invitation_target(invitation), days=days)
    return invitation, token


@transaction.atomic
def revoke_invitation(*, actor: User, invitation: SignUpInvitation) -> bool:
    """False where it was already used, revoked or expired."""
    if not SignUpInvitation.objects.valid().filter(pk=invitation.pk).update(revoked_at=Now()):
        return False
    record("signup.invitation.revoked", actor=actor, target=invitation_target(invitation))
    return True


@transaction.atomic
def claim_invitation(request: HttpRequest, user: User) -> bool:
    """Use up the invitation that brought `user` here; False where sign-up needs one and none is left to use.

    One person wins a race for the same link: the others find it taken.
    """
    by_invitation = SiteSettings.current().sign_up == SiteSettings.SignUp.INVITATION
    permit = permit_in(request.session)
    request.session.pop(SESSION_KEY, None)
    if permit is None:
        return not by_invitation
    if not permit.invitation:
        return True
    valid = SignUpInvitation.objects.valid().filter(pk=permit.invitation)
    if not valid.update(accepted_at=Now(), accepted_by=user):
        return not by_invitation
    invitation = SignUpInvitation.objects.get(pk=permit.invitation)
    record("signup.invitation.accepted", actor=user, target=invitation_target(invitation))
    return True
