"""Sign-up and sign-in through another provider: the same rules about who may come in."""

from __future__ import annotations

from typing import Any

from allauth.core.exceptions import ImmediateHttpResponse
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialLogin
from django.db import transaction
from django.forms import BaseForm
from django.http import HttpRequest

from apps.accounts.adapter import refuse_sign_up, take_invitation
from apps.accounts.models import User
from apps.accounts.signup import email_refusal


class SocialAccountAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]
    def populate_user(self, request: HttpRequest, sociallogin: SocialLogin, data: dict[str, Any]) -> User:
        user: User = super().populate_user(request, sociallogin, data)
        names = (data.get("first_name"), data.get("last_name"))
        user.display_name = (data.get("name") or " ".join(filter(None, names)))[:80]
        return user

    def get_signup_form_initial_data(self, sociallogin: SocialLogin) -> dict[str, str]:
        initial: dict[str, str] = super().get_signup_form_initial_data(sociallogin)
        return {**initial, "display_name": sociallogin.user.display_name}

    def save_user(self, request: HttpRequest, sociallogin: SocialLogin, form: BaseForm | None = None) -> User:
        """With `form` the account adapter takes the invitation; an automatic sign-up has no form and takes it here."""
        if form is None and (reason := email_refusal(request, sociallogin.user.email)):
            raise ImmediateHttpResponse(refuse_sign_up(request, reason))
        with transaction.atomic():
            user: User = super().save_user(request, sociallogin, form)
            if form is None:
                take_invitation(request, user)
        return user
