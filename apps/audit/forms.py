"""The filters of the audit page."""

from __future__ import annotations

from datetime import date, datetime, time
from itertools import groupby
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.audit.registry import registered

Choices = list[tuple[str, str | list[tuple[str, str]]]]


def _noun(action: str) -> str:
    return action.partition(".")[0]


def action_choices() -> Choices:
    """Every registered action, grouped by its first word; "project." stands for all of that group."""
    choices: Choices = [("", "Any")]
    for noun, actions in groupby(sorted(registered().items()), key=lambda item: _noun(item[0])):
        every = (f"{noun}.", f"Everything about {noun}")
        choices.append((noun.capitalize(), [every, *actions]))
    return choices


class FilterForm(forms.Form):
    action = forms.ChoiceField(required=False)
    outcome = forms.ChoiceField(required=False, choices=[("", "Any"), *AuditEvent.Outcome.choices])
    actor = forms.CharField(required=False, max_length=254, label="Who")
    target = forms.CharField(required=False, max_length=254, label="To what")
    project = forms.CharField(required=False, max_length=32, label="Project id")
    since = forms.DateField(required=False, label="From", widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(required=False, label="To", widget=forms.DateInput(attrs={"type": "date"}))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        action = self.fields["action"]
        assert isinstance(action, forms.ChoiceField)
        action.choices = action_choices()

    def clean(self) -> dict[str, Any]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", "This day is before the first. Swap the two.")
        return self.cleaned_data

    def given(self) -> dict[str, str]:
        """The filters in use, as they stand in the address."""
        return {name: str(value) for name, value in self.cleaned_data.items() if value}

    def apply(self, events: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:
        """Those of `events` that match every filter; days are whole days of the site's time zone."""
        want = self.cleaned_data
        if action := want["action"]:
            events = events.filter(**{"action__startswith" if action.endswith(".") else "action": action})
        if outcome := want["outcome"]:
            events = events.filter(outcome=outcome)
        for field in ("actor", "target"):
            if text := want[field]:
                events = events.filter(Q(**{f"{field}_id": text}) | Q(**{f"{field}_label__icontains": text}))
        if project := want["project"]:
            events = events.filter(project_id=project)
        if since := want["since"]:
            events = events.filter(at__gte=_aware(since, time.min))
        if until := want["until"]:
            events = events.filter(at__lte=_aware(until, time.max))
        return events


def _aware(day: date, at: time) -> datetime:
    return timezone.make_aware(datetime.combine(day, at))
