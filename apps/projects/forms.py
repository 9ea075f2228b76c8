"""Forms of projects, their members and invitations."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.projects.models import Project, Role

DAYS = [(1, "1 day"), (7, "7 days"), (30, "30 days")]
ROLE_HELP = "Viewers read. Editors also ask and edit. Owners also manage members and settings."


class RoleField(forms.TypedChoiceField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(choices=Role.choices, coerce=lambda value: Role(int(value)), **kwargs)


class ProjectForm(forms.Form):
    """The lengths are those of the model."""

    name = forms.CharField(max_length=80, help_text="What its members call it.")
    description = forms.CharField(
        max_length=280,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="One or two sentences about what it is for.",
    )

    @classmethod
    def of(cls, project: Project) -> ProjectForm:
        return cls(initial={"name": project.name, "description": project.description})

    def clean_description(self) -> str:
        """One line: it is shown in lists."""
        return " ".join(self.cleaned_data["description"].split())


class InviteForm(forms.Form):
    email = forms.EmailField(
        max_length=254,
        required=False,
        help_text="Gets a mail, and only this person may join. Left empty, whoever has the link first may.",
    )
    role = RoleField(initial=Role.EDITOR, help_text=ROLE_HELP)
    days = forms.TypedChoiceField(choices=DAYS, coerce=int, initial=7, label="Valid for")

    def clean_email(self) -> str:
        return str(self.cleaned_data["email"]).lower()


class RoleForm(forms.Form):
    role = RoleField()


class DeleteForm(forms.Form):
    typed_name = forms.CharField(
        max_length=80,
        strip=False,
        label="Name of the project",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        help_text="Type it exactly as it stands above.",
    )
