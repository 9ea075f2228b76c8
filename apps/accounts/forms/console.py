"""Forms of the console."""

from __future__ import annotations

from django import forms

from apps.accounts.forms.fields import Email
from apps.accounts.models import SiteSettings, User


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
