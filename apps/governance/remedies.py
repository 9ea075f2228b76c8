"""Where somebody who was refused can go on: the page on which they ask for access, or accept the licence."""

from __future__ import annotations

from typing import TypedDict
from urllib.parse import urlencode

from django.urls import reverse

from apps.catalog.models import HostedModel
from apps.governance.decisions import Decision
from apps.projects.models import Project

ASKABLE = frozenset({"no_grant", "grant_revoked", "grant_expired", "over_limit"})
"""Codes of decisions that a grant would change."""


class Remedy(TypedDict):
    """`asks`: its page takes a request for access, which can also be made in place."""

    url: str
    label: str
    asks: bool


def remedy(decision: Decision, model: HostedModel, project: Project | None = None) -> Remedy | None:
    """A link for the person, or None where there is nothing that they can do themselves."""
    where = f"?{urlencode({'project': project.pk})}" if project else ""
    if decision.code in ASKABLE:
        return {"url": reverse("access_request", args=[model.pk]) + where, "label": "Ask for access", "asks": True}
    if decision.code == "licence":
        return {"url": reverse("model_licence", args=[model.pk]) + where, "label": "Read the licence", "asks": False}
    return None
