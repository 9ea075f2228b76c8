"""Audit records of what happens inside django-allauth. Its signals are the only way to hear of these."""

from __future__ import annotations

from typing import Any

from allauth.account import signals as account
from allauth.account.models import EmailAddress
from allauth.mfa import signals as mfa
from allauth.mfa.models import Authenticator
from allauth.socialaccount import signals as social
from allauth.socialaccount.models import SocialAccount, SocialLogin
from django.contrib.auth.signals import user_logged_out, user_login_failed
from django.dispatch import Signal

from apps.accounts.models import User
from apps.accounts.notices import access_changed
from apps.accounts.targets import person_target
from apps.audit.record import record

PLAIN: dict[Signal, str] = {
    account.user_signed_up: "account.signed_up",
    account.password_set: "account.password.set",
    account.password_changed: "account.password.changed",
    account.password_reset: "account.password.reset",
    account.email_added: "account.email.added",
    account.email_removed: "account.email.removed",
    account.email_changed: "account.email.changed",
}
FACTORS: dict[Signal, str] = {
    mfa.authenticator_added: "account.mfa.added",
    mfa.authenticator_removed: "account.mfa.removed",
    mfa.authenticator_reset: "account.mfa.reset",
}


def connect() -> None:
    for signal, action in PLAIN.items():
        signal.connect(_plain(action), weak=False, dispatch_uid=action)
    for signal, action in FACTORS.items():
        signal.connect(_factor(action), weak=False, dispatch_uid=action)
    account.user_logged_in.connect(signed_in)
    account.email_confirmed.connect(email_confirmed)
    user_logged_out.connect(signed_out)
    user_login_failed.connect(sign_in_failed)
    mfa.authentication_failed.connect(factor_failed)
    social.social_account_added.connect(connected)
    social.social_account_removed.connect(disconnected)


def _plain(action: str) -> Any:
    def receiver(*, user: User, **_: Any) -> None:
        record(action, actor=user, target=person_target(user))

    return receiver


def _factor(action: str) -> Any:
    def receiver(*, user: User, authenticator: Authenticator, **_: Any) -> None:
        record(action, actor=user, target=person_target(user), kind=str(authenticator.type))

    return receiver


def signed_in(*, request: Any, user: User, **_: Any) -> None:
    methods = [step.get("method", "") for step in request.session.get("account_authentication_methods", [])]
    record("account.signed_in", actor=user, target=person_target(user), methods=methods)


def signed_out(*, user: User | None, **_: Any) -> None:
    if isinstance(user, User) and user.pk:  # nobody is there any more whose account was deleted
        record("account.signed_out", actor=user, target=person_target(user))
        access_changed(user)


def sign_in_failed(*, credentials: dict[str, Any], **_: Any) -> None:
    """Names the person where the address is someone's; what else was typed there may be a secret and isn't kept."""
    person = User.objects.filter(email__iexact=str(credentials.get("email", ""))).first()
    target = person_target(person) if person else None
    record("account.sign_in.failed", target=target, outcome="failed", known=person is not None)


def factor_failed(*, user: User, **_: Any) -> None:
    record("account.mfa.failed", actor=user, target=person_target(user), outcome="failed")


def email_confirmed(*, email_address: EmailAddress, **_: Any) -> None:
    record("account.email.confirmed", actor=email_address.user, target=person_target(email_address.user))


def connected(*, sociallogin: SocialLogin, **_: Any) -> None:
    user, provider = sociallogin.user, sociallogin.account.provider
    record("account.connection.added", actor=user, target=person_target(user), provider=provider)


def disconnected(*, socialaccount: SocialAccount, **_: Any) -> None:
    user = socialaccount.user
    record("account.connection.removed", actor=user, target=person_target(user), provider=socialaccount.provider)
