"""What is asked of whoever makes an API token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings

from apps.api.models import MAX_NAME_CHARS
from apps.projects.models import Project

DAYS = (30, 90, 365)
FIRST = 90
NEVER = "never"
NAME_HELP = "What will use it, so that you know it again: “notebook”, “editor at work”."
PROJECT_HELP = (
    "What the token asks for counts there: with the models, rules and quotas that hold for you in this project."
)
NO_DAYS = "Choose how long it is to last."
NO_PROJECT = "Choose one of your projects in which you may ask models."


def _days(chosen: str) -> int | None:
    return None if chosen == NEVER else int(chosen)


def _lives(longest: int | None) -> list[tuple[int | str, str]]:
    """To choose from; with the longest that the site allows, where it says one."""
    days = sorted({*DAYS, longest}) if longest else DAYS
    found: list[tuple[int | str, str]] = [
        (each, f"in {each} day{'' if each == 1 else 's'}") for each in days if not longest or each <= longest
    ]
    return found if longest else [*found, (NEVER, "never")]


class TokenForm(forms.Form):
    name = forms.CharField(
        max_length=MAX_NAME_CHARS, help_text=NAME_HELP, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )
    project = forms.TypedChoiceField(help_text=PROJECT_HELP, error_messages={"invalid_choice": NO_PROJECT})
    days = forms.TypedChoiceField(label="Expires", coerce=_days, error_messages={"invalid_choice": NO_DAYS})

    def __init__(self, *args: Any, projects: Sequence[Project], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        found = {project.pk: project for project in projects}
        choices: dict[str, forms.TypedChoiceField] = self.fields  # type: ignore[assignment]
        choices["project"].choices = [(project.pk, project.name) for project in projects]
        choices["project"].coerce = found.__getitem__
        choices["days"].choices = _lives(settings.API_TOKEN_DAYS)
        choices["days"].initial = min(FIRST, settings.API_TOKEN_DAYS or FIRST)
