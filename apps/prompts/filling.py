"""A revision with its variables filled in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from apps.prompts.models import PromptRevision
from apps.prompts.templating import TemplateError, render
from apps.prompts.variables import clean_values


def filled_in(revision: PromptRevision, values: Mapping[str, Any]) -> dict[str, str]:
    """`{"system": …, "user": …}` as texts. Raises ValidationError with a sentence for each variable that is wrong."""
    cleaned = clean_values(revision.variables, values)
    try:
        return {"system": render(revision.system, cleaned), "user": render(revision.user, cleaned)}
    except TemplateError as error:
        raise ValidationError(error.problems[0].message.capitalize()) from error
