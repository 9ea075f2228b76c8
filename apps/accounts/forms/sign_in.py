"""allauth's forms in our words, and what sign-up adds to them."""

from __future__ import annotations

from typing import Any

from allauth.account import forms as allauth_forms
from allauth.core import context
from allauth.mfa.base import forms as allauth_mfa
from allauth.mfa.totp import forms as allauth_totp
from allauth.mfa.webauthn.forms import AddWebAuthnForm
from allauth.socialaccount.forms import SignupForm as AllauthSocialSignupForm
from django import forms

from apps.accounts.forms.fields import RULES, DisplayName
from apps.accounts.signup import email_refusal

NEW_PASSWORD_LABELS = {"password1": "New password", "password2": "New password once more"}


class InvitedEmail(forms.Form):
    """Mixed into both sign-up forms: an invitation that names an address is for that address."""

    def clean_email(self) -> str:
        email: str = super().clean_email()  # type: ignore[misc]
        if reason := email_refusal(context.request, email):
            raise forms.ValidationError(reason)
        return email


class Plain(forms.Form):
    """Mixed into allauth's forms: no placeholder that repeats the label, and our words about passwords."""

    labels: dict[str, str] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.widget.attrs.pop("placeholder", None)
            field.label = self.labels.get(name, field.label)
            if name == "password1":
                field.help_text = RULES


class SignInForm(Plain, allauth_forms.LoginForm):  # type: ignore[misc]
    pass


class SignUpForm(InvitedEmail, Plain, allauth_forms.SignupForm):  # type: ignore[misc]
    display_name = DisplayName()
    field_order = ["display_name", "email", "password1"]


class SocialSignUpForm(InvitedEmail, Plain, AllauthSocialSignupForm):  # type: ignore[misc]
    display_name = DisplayName()
    field_order = ["display_name", "email"]


class AddEmailForm(Plain, allauth_forms.AddEmailForm):  # type: ignore[misc]
    pass


class ChangePasswordForm(Plain, allauth_forms.ChangePasswordForm):  # type: ignore[misc]
    labels = {"oldpassword": "Current password", **NEW_PASSWORD_LABELS}


class SetPasswordForm(Plain, allauth_forms.SetPasswordForm):  # type: ignore[misc]
    labels = NEW_PASSWORD_LABELS


class ResetPasswordForm(Plain, allauth_forms.ResetPasswordForm):  # type: ignore[misc]
    pass


class ResetPasswordKeyForm(Plain, allauth_forms.ResetPasswordKeyForm):  # type: ignore[misc]
    labels = NEW_PASSWORD_LABELS


class ReauthenticateForm(Plain, allauth_forms.ReauthenticateForm):  # type: ignore[misc]
    pass


class ActivateTOTPForm(Plain, allauth_totp.ActivateTOTPForm):  # type: ignore[misc]
    labels = {"code": "The code it shows"}


class AuthenticateForm(Plain, allauth_mfa.AuthenticateForm):  # type: ignore[misc]
    labels = {"code": "Code"}


class ReauthenticateByCodeForm(Plain, allauth_mfa.ReauthenticateForm):  # type: ignore[misc]
    labels = {"code": "Code of your authenticator app, or a recovery code"}


class AddPasskeyForm(Plain, AddWebAuthnForm):  # type: ignore[misc]
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["name"].help_text = "So that you tell it from others, for instance the device it is on."
        alone = self.fields["passwordless"]
        alone.label, alone.initial = "Sign in with this alone, without my password", True
        alone.help_text = "It must check that it is you: by fingerprint, face, PIN or screen lock."
