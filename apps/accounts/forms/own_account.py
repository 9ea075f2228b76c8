"""Forms of one's own account, and of the first one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.password_validation import validate_password

from apps.accounts.forms.fields import DisplayName, Email, NewPassword
from apps.accounts.models import User


class ProfileForm(forms.ModelForm):  # type: ignore[type-arg]
    display_name = DisplayName()

    class Meta:
        model = User
        fields = ["display_name"]


class CompleteForm(forms.Form):
    """Asked of someone who came by a one-time link: an own address and a password to come back with."""

    display_name = DisplayName()
    email = Email()
    password = NewPassword()

    def __init__(self, *args: Any, person: User | None = None, **kwargs: Any) -> None:
        self.person = person
        super().__init__(*args, **kwargs)

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        taken = User.objects.filter(email__iexact=email)
        if (taken.exclude(pk=self.person.pk) if self.person else taken).exists():
            raise forms.ValidationError("Another account has this address. Use a different one.")
        return email

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if password := data.get("password"):
            person = User(email=data.get("email", ""), display_name=data.get("display_name", ""))
            try:
                validate_password(password, person)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return data


class SetupForm(CompleteForm):
    code = forms.CharField(
        label="Setup code",
        max_length=64,
        help_text="The server prints it: run “python manage.py setup_code” on its machine.",
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
    )
    field_order = ["code", "display_name", "email", "password"]


class DeleteAccountForm(forms.Form):
    confirm = forms.CharField(
        label="Type your email address to confirm", widget=forms.TextInput({"autocomplete": "off"})
    )

    def __init__(self, *args: Any, person: User, **kwargs: Any) -> None:
        self.person = person
        super().__init__(*args, **kwargs)

    def clean_confirm(self) -> str:
        typed: str = self.cleaned_data["confirm"]
        if typed.strip().lower() != self.person.email.lower():
            raise forms.ValidationError(f"This is not the address of this account. Type {self.person.email}.")
        return typed
