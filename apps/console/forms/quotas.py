"""Forms of quotas and prices."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from apps.catalog.models import HostedModel
from apps.console.forms.fields import PersonField, ProjectField
from apps.quotas.models import Metric, Period, Subject

ORDER = (Subject.EVERY_USER, Subject.USER, Subject.PROJECT, Subject.SITE)


class QuotaForm(forms.Form):
    """The fields are those of `set_quota`."""

    subject = forms.ChoiceField(label="For", choices=[(each.value, str(each.label)) for each in ORDER])
    user = PersonField(required=False, label="Person", help_text="Where it is for one person.")
    project = ProjectField(required=False, label="Project", help_text="Where it is for one project.")
    metric = forms.ChoiceField(label="What", choices=[(str(key), str(name)) for key, name in Metric.choices])
    period = forms.ChoiceField(
        label="In", choices=[(str(key), str(name)) for key, name in Period.choices], required=False, initial=Period.DAY
    )
    limit = forms.IntegerField(
        required=False, min_value=0, label="Limit", help_text="Empty only for one person: no limit for them."
    )

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("metric") == Metric.CONCURRENT_JOBS:
            given["period"] = Period.ANY
        return given

    def wanted(self) -> dict[str, Any]:
        """What `set_quota` takes beside the actor; who and where the subject has none are left out."""
        given = dict(self.cleaned_data)
        given |= {"subject": Subject(given["subject"]), "metric": Metric(given["metric"])}
        given |= {"period": Period(given["period"])}
        return given

    def refuse(self, refusal: ValidationError) -> None:
        """Show what `set_quota` said beside its fields."""
        for name, sentences in refusal.message_dict.items():
            self.add_error(name, sentences)


class PriceForm(forms.Form):
    model = forms.ModelChoiceField(
        HostedModel.objects.all(), required=False, label="For", empty_label="All models without a price of their own"
    )
    per_second = forms.DecimalField(
        label="A device-second", min_value=0, max_digits=12, decimal_places=6, help_text="For example 0.0012."
    )
    currency = forms.CharField(
        max_length=3, required=False, label="Currency", help_text="Three letters; set with the price for all models."
    )

    def refuse(self, refusal: ValidationError) -> None:
        for name, sentences in refusal.message_dict.items():
            self.add_error(name, sentences)
