"""Forms of the pages on which people ask for access."""

from __future__ import annotations

from django import forms

from apps.governance.actions.requests import MAX_REASON_CHARS


class AccessRequestForm(forms.Form):
    reason = forms.CharField(
        max_length=MAX_REASON_CHARS,
        required=False,
        label="What is it for?",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Those who decide read this. A sentence is enough.",
    )
