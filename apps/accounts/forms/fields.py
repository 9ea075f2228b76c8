"""Fields that several forms share."""

from __future__ import annotations

from typing import Any

from django import forms

NAME_HELP = "What other members of your projects see. You can change it later."
RULES = "At least 8 characters, and none of the passwords that everyone uses."


class DisplayName(forms.CharField):
    def __init__(self, **kwargs: Any) -> None:
        widget = forms.TextInput(attrs={"autocomplete": "name"})
        super().__init__(label="Your name", max_length=80, help_text=NAME_HELP, widget=widget, **kwargs)


class NewPassword(forms.CharField):
    """Spaces at either end belong to a password; its rules are said before anything is typed."""

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.PasswordInput(attrs={"autocomplete": "new-password"})
        super().__init__(label="Password", strip=False, widget=widget, help_text=RULES, **kwargs)


class Email(forms.EmailField):
    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("label", "Email")
        super().__init__(max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "email"}), **kwargs)

    def clean(self, value: Any) -> str:
        return str(super().clean(value)).lower()
