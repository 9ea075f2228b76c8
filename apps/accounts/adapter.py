"""How allauth behaves here: who may sign up, where sign-in leads, how mail goes out."""

from __future__ import annotations

import logging
from smtplib import SMTPException
from types import SimpleNamespace
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.exceptions import ImmediateHttpResponse
from django.conf import settings
from django.contrib import messages
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from apps.accounts import signup
from apps.accounts.actions.invitations import claim_invitation
from apps.accounts.models import User
from apps.lib.http import client_ip

VERIFIED_EMAIL_KEY = "account_verified_email"  # allauth's own: it takes this address as confirmed at sign-up
logger = logging.getLogger(__name__)


def refuse_sign_up(request: HttpRequest, reason: str) -> HttpResponse:
    return render(request, "account/signup_closed.html", {"reason": reason}, status=403)


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    def is_open_for_signup(self, request: HttpRequest) -> bool:
        if reason := signup.refusal(request):
            raise ImmediateHttpResponse(refuse_sign_up(request, reason))
        return True

    def save_user(self, request: HttpRequest, user: User, form: BaseForm, commit: bool = True) -> User:
        user.display_name = form.cleaned_data.get("display_name", "")
        with transaction.atomic():
            saved: User = super().save_user(request, user, form, commit)
            take_invitation(request, saved)
        return saved

    def get_login_redirect_url(self, request: HttpRequest) -> str:
        """Someone who came by a one-time link and could not sign in again is led to make that possible first."""
        if isinstance(request.user, User) and not request.user.can_sign_in_again():
            return reverse("profile")
        url: str = super().get_login_redirect_url(request)
        return url

    def is_safe_url(self, url: str | None) -> bool:
        try:
            return bool(super().is_safe_url(url))
        except ValueError:  # it has half an address in brackets, and is none
            return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return client_ip(request) or "0.0.0.0"  # noqa: S104 — a Unix socket: one bucket for all rate limits

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """The email alone. allauth adds the host, which would give an attacker one more limit per name of the site."""
        return str(credentials.get("email", "")).lower()

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        site = SimpleNamespace(name=settings.SITE_NAME, domain=settings.SITE_URL.partition("://")[2])
        try:
            super().send_mail(template_prefix, email, {"current_site": site, **context})
        except (SMTPException, OSError):
            logger.exception("Mail %s could not be sent", template_prefix)
            messages.error(
                self.request, "The mail could not be sent. Try again in some minutes, or tell the administrator."
            )


def take_invitation(request: HttpRequest, user: User) -> None:
    """Use up the invitation that `user` signed up with, or stop: someone else just did.

    The address that the invitation proves counts for an account with that address only.
    """
    if request.session.get(VERIFIED_EMAIL_KEY) != user.email:
        request.session.pop(VERIFIED_EMAIL_KEY, None)
    if not claim_invitation(request, user):
        raise ImmediateHttpResponse(refuse_sign_up(request, signup.BY_INVITATION))
