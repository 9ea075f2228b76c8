"""Forms of a model's page."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Max

from apps.catalog.models import HostedModel

MAX_SECONDS = 86_400
BOUNDS = f"The longest time is a whole number of seconds from 1 to {MAX_SECONDS:,}, or empty."
WRONG = dict.fromkeys(("invalid", "min_value", "max_value"), BOUNDS)


class WordsForm(forms.Form):
    """What people read of a model."""

    name = forms.CharField(max_length=120, label="Name", help_text="What people choose it by. Its id stays.")
    description = forms.CharField(
        max_length=500, required=False, label="Description", help_text="A sentence or two, below its name.",
        widget=forms.Textarea(attrs={"rows": 3}),
    )  # fmt: skip

    def __init__(self, data: Any = None, *, model: HostedModel) -> None:
        super().__init__(data, initial={"name": model.name, "description": model.description})


class TimeForm(forms.Form):
    """How long an answer or a picture may take."""

    longest_seconds = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=MAX_SECONDS,
        label="Longest time, in seconds",
        help_text="From when a worker takes it: loading the model and reading the prompt count, waiting in the queue "
        "doesn’t. Then an answer ends and keeps what was written; a picture isn’t made. Empty: as long as it takes.",
        error_messages=WRONG,
    )

    def __init__(self, data: Any = None, *, model: HostedModel) -> None:
        super().__init__(data, initial={"longest_seconds": model.longest_seconds})
        self._version = model.default_version

    def clean_longest_seconds(self) -> int | None:
        """A model that isn't loaded and takes longer for that would refuse everything at once."""
        seconds: int | None = self.cleaned_data["longest_seconds"]
        if seconds is None or self._version is None:
            return seconds
        loads = self._version.foundation.load_times.aggregate(most=Max("seconds"))["most"]
        if loads is not None and seconds <= loads:
            raise forms.ValidationError(f"Loading it takes about {loads:,.0f} s, and that counts: allow for more.")
        return seconds
