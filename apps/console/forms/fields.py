"""Fields that several forms of the console share."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from apps.accounts.models import User
from apps.projects.models import Project


class PersonField(forms.CharField):
    """An email address; gives the User."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=254, **kwargs)
        self.widget.attrs["placeholder"] = "name@example.org"

    def clean(self, value: Any) -> Any:
        text = super().clean(value).strip()
        if not text:
            return None
        found = User.objects.filter(email__iexact=text).first()
        if not found:
            raise ValidationError("Nobody here has this address.")
        return found


class ProjectField(forms.CharField):
    """A project's id, as it stands in its address, or its name where no other has it; gives the Project."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=200, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value).strip()
        if not text:
            return None
        found = list(Project.objects.filter(pk=text)[:1]) or list(Project.objects.filter(name__iexact=text)[:2])
        if len(found) == 1:
            return found[0]
        if found:
            raise ValidationError("Several projects have this name. Give its id, which stands in its address.")
        raise ValidationError("There is no project of this name or id.")


class LastDayField(forms.DateField):
    """The last day of something, whole; gives the moment at which it ends, None without a day."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(widget=forms.DateInput(attrs={"type": "date"}), **kwargs)

    def clean(self, value: Any) -> datetime | None:
        day = super().clean(value)
        return timezone.make_aware(datetime.combine(day, time.max)) if day else None
