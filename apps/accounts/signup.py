"""Who may sign up: anyone, holders of an invitation, or nobody, as the site's settings say."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest

from apps.accounts.models import SignUpInvitation, SiteSettings

SESSION_KEY = "sign_up_permit"
CLOSED = "Sign-up on this site is closed. If you should have an account, ask its administrator to open sign-up."
BY_INVITATION = (
    "Sign-up on this site is by invitation. Ask an administrator, or the owner of a project here, for an invitation "
    "link; if you already followed one, it has expired, was revoked or has been used."
)


@dataclass(frozen=True)
class Permit:
    """An invitation that this browser followed. `until` in seconds since the epoch; `email` "" is anyone's."""

    until: float
    email: str = ""
    invitation: str = ""


def allow_signup_in(session: SessionBase, *, email: str = "", invitation: str = "", minutes: int = 120) -> None:
    """Let whoever holds this session sign up while sign-up is by invitation; with `email`, only under that address."""
    session[SESSION_KEY] = asdict(Permit(time.time() + minutes * 60, email.lower(), invitation))


def permit_in(session: SessionBase) -> Permit | None:
    """The permit of this session, if it is still good."""
    kept = session.get(SESSION_KEY)
    permit = Permit(**kept) if kept else None
    if permit is None or permit.until < time.time():
        return None
    if permit.invitation and not SignUpInvitation.objects.valid().filter(id=permit.invitation).exists():
        return None
    return permit


def refusal(request: HttpRequest) -> str:
    """Why this person may not sign up, as a sentence to show; "" where they may."""
    mode = SiteSettings.current().sign_up
    if mode == SiteSettings.SignUp.CLOSED:
        return CLOSED
    if mode == SiteSettings.SignUp.INVITATION and permit_in(request.session) is None:
        return BY_INVITATION
    return ""


def may_sign_up(request: HttpRequest) -> bool:
    return not refusal(request)


def email_refusal(request: HttpRequest, email: str) -> str:
    """Why this address may not sign up where the person may; "" where it may."""
    if SiteSettings.current().sign_up != SiteSettings.SignUp.INVITATION:
        return ""
    permit = permit_in(request.session)
    if permit and permit.email and permit.email != email.lower():
        return (
            f"This invitation is for {permit.email}. Sign up with that address, or ask for an invitation of your own."
        )
    return ""
