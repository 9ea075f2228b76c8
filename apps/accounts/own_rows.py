"""What this app exports for a person. No secret is among it: neither hashes nor keys."""

from __future__ import annotations

from typing import Any

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session

from apps.accounts.addresses import own_addresses
from apps.accounts.export import register_exporter
from apps.accounts.models import SignUpInvitation, User

Rows = list[dict[str, Any]]


def account(user: User) -> Rows:
    own = User.objects.filter(pk=user.pk).values("id", "email", "display_name", "date_joined", "last_login")
    return [dict(row) for row in own]


def email_addresses(user: User) -> Rows:
    return list(EmailAddress.objects.filter(user=user).values("email", "verified", "primary"))


def second_factors(user: User) -> Rows:
    return list(Authenticator.objects.filter(user=user).values("type", "created_at", "last_used_at"))


def sessions(user: User) -> Rows:
    return list(UserSession.objects.filter(user=user).values("created_at", "last_seen_at", "ip", "user_agent"))


def connected_accounts(user: User) -> Rows:
    return list(SocialAccount.objects.filter(user=user).values("provider", "uid", "date_joined", "extra_data"))


def forget(user: User) -> None:
    """Their addresses in invitations, which others made and which end; and their sessions on other devices."""
    SignUpInvitation.objects.forget(user, own_addresses(user))
    Session.objects.filter(pk__in=UserSession.objects.filter(user=user).values("session_key")).delete()


def register() -> None:
    for exporter in (account, email_addresses, second_factors, sessions, connected_accounts):
        register_exporter(exporter.__name__, exporter)
