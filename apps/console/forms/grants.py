"""Forms to give somebody the use of a model, and to ask why they have it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import Group

from apps.catalog.models import HostedModel, ModelVersion
from apps.console.forms.fields import LastDayField, PersonField, ProjectField
from apps.governance.models import Subject

MISSING = {
    Subject.GROUP: "Choose the group.",
    Subject.PROJECT: "Give the name or the id of the project.",
    Subject.USER: "Give the email of the person.",
}


class GrantForm(forms.Form):
    """`whom()` is what `create_grant` takes."""

    model = forms.ModelChoiceField(HostedModel.objects.all(), label="Model", empty_label="Choose a model")
    version = forms.ModelChoiceField(
        ModelVersion.objects.select_related("hosted_model"),
        required=False,
        label="Only this version",
        empty_label="Any version",
    )
    subject = forms.ChoiceField(label="For", choices=Subject.choices, widget=forms.RadioSelect)
    group = forms.ModelChoiceField(
        Group.objects.order_by("name"), required=False, label="Group", empty_label="Choose a group"
    )
    project = ProjectField(required=False, label="Project")
    user = PersonField(required=False, label="Person")
    expires_at = LastDayField(required=False, label="Last day", help_text="Without one, until it is revoked.")
    max_tokens = forms.IntegerField(
        required=False, min_value=1, label="Longest answer, in tokens", help_text="Empty for no limit."
    )
    note = forms.CharField(max_length=280, required=False, label="Note", help_text="Others who govern see it.")

    def clean(self) -> dict[str, Any]:
        subject = self.cleaned_data.get("subject")
        if subject in MISSING and not self.cleaned_data.get(subject) and subject not in self.errors:
            self.add_error(subject, MISSING[Subject(subject)])
        return self.cleaned_data

    def wanted(self) -> dict[str, Any]:
        """What `create_grant` takes beside the actor."""
        given = self.cleaned_data
        subject = Subject(given["subject"])
        return {
            "model": given["model"],
            "version": given["version"],
            "whom": subject if subject == Subject.EVERYONE else given[subject],
            "expires_at": given["expires_at"],
            "max_params": {"max_tokens": given["max_tokens"]},
            "note": given["note"],
        }


class ExplainForm(forms.Form):
    person = PersonField(label="Person")
    model = forms.ModelChoiceField(HostedModel.objects.all(), label="Model", empty_label="Choose a model")
    project = ProjectField(required=False, label="In the project")


class ApproveForm(forms.Form):
    expires_at = LastDayField(required=False, label="Last day", help_text="Without one, until it is revoked.")
    max_tokens = forms.IntegerField(required=False, min_value=1, label="Longest answer, in tokens")
    for_project = forms.BooleanField(required=False, label="For everybody in that project, not only for this person")
    answer = forms.CharField(max_length=500, required=False, label="A word to the person")


class DeclineForm(forms.Form):
    answer = forms.CharField(
        max_length=500, label="Why not", widget=forms.Textarea(attrs={"rows": 2}), help_text="The person reads it."
    )


class StopForm(forms.Form):
    message = forms.CharField(
        max_length=280,
        label="What people read",
        help_text="Where they would have had an answer: why it is stopped, and until when, if you know.",
    )
