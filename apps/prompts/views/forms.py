"""What the buttons and the editor send."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import ValidationError
from django.http import Http404, QueryDict

from apps.accounts.models import User
from apps.projects.access import get_project_for
from apps.projects.models import Project, Role
from apps.prompts.models import Audience

PLAIN = ("title", "summary", "system", "user", "model_id", "tags", "licence")


def content_in(sent: QueryDict) -> dict[str, Any]:
    """The fields of the editor; `variables` and `params` are JSON. Raises ValidationError."""
    content: dict[str, Any] = {name: sent.get(name, "") for name in PLAIN}
    for name, empty in (("variables", "[]"), ("params", "{}")):
        try:
            content[name] = json.loads(sent.get(name) or empty)
        except (ValueError, RecursionError):
            raise ValidationError({name: "This was not readable. Reload the page and try again."}) from None
    return content


def audience_in(sent: QueryDict, name: str) -> Audience:
    try:
        return Audience(int(sent.get(name, "")))
    except ValueError:
        raise ValidationError({name: "Choose one of the list."}) from None


def project_in(user: User, sent: QueryDict) -> Project | None:
    """One in which `user` is an editor, or none. Raises ValidationError, PermissionDenied."""
    chosen = sent.get("project", "")
    if not chosen:
        return None
    try:
        return get_project_for(user, chosen, Role.EDITOR, writable=True)
    except Http404:
        raise ValidationError({"project": "Choose one of your projects."}) from None
