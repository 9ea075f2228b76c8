"""Forms of the console."""

from __future__ import annotations

from django import forms

from apps.accounts.actions.people import ADMIN
from apps.accounts.forms.fields import Email
from apps.accounts.models import SiteRole, SiteSettings, User

ROLES = (
    (SiteRole.MEMBER.value, "Member: uses what was granted"),
    (SiteRole.GOVERNOR.value, "Governor: models, grants, requests, quotas and prices"),
    (SiteRole.AUDITOR.value, "Auditor: sees everything, changes nothing"),
    (SiteRole.MODERATOR.value, "Moderator: reports about what people share"),
    (ADMIN, "Administrator: everything, also people and settings"),
)


class InviteForm(forms.Form):
    email = Email(
        required=False, help_text="We send the link there. Leave it empty for a link that you pass on yourself."
    )
    days = forms.IntegerField(
        label="Good for (days)", min_value=1, max_value=90, initial=7, help_text="From 1 to 90 days."
    )

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if email and User.objects.filter(email__iexact=email).exists():
            raise forms.ValidationError("This person already has an account.")
        return email


class SiteSettingsForm(forms.ModelForm):  # type: ignore[type-arg]
    class Meta:
        model = SiteSettings
        fields = ["sign_up"]
        labels = {"sign_up": "Who may sign up"}
        help_texts = {"sign_up": "People who already have an account are not affected."}
        widgets = {"sign_up": forms.RadioSelect}


class RoleForm(forms.Form):
    """One choice for what a person does for the whole site."""

    role = forms.ChoiceField(label="Role on the site", choices=ROLES, required=False, widget=forms.RadioSelect)


class GroupForm(forms.Form):
    name = forms.CharField(max_length=80, label="Name")


class MemberForm(forms.Form):
    """A person by their address, as it is known to whoever adds them."""

    person = forms.CharField(max_length=254, label="Email of the person")

    def clean_person(self) -> User:
        text = self.cleaned_data["person"].strip()
        found = User.objects.filter(email__iexact=text, is_active=True).first()
        if not found:
            raise forms.ValidationError("Nobody here who may sign in has this address.")
        return found
