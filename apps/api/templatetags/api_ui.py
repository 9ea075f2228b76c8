"""The API tokens that open a project, for the page of its members: a room below this one."""

from __future__ import annotations

from typing import Any

from django import template
from django.core.paginator import Paginator

from apps.api.access import are_allowed, hindrances, tokens_of_project
from apps.projects.models import Project

register = template.Library()
PAGE_SIZE = 50


@register.inclusion_tag("api/_of_project.html", takes_context=True)
def project_tokens(context: dict[str, Any], project: Project) -> dict[str, Any]:
    """For its owners: the page has asked for that. Nothing on a site without tokens."""
    if not are_allowed():
        return {}
    request = context["request"]
    page = Paginator(tokens_of_project(project).live(), PAGE_SIZE).get_page(request.GET.get("page"))
    rows = [{"token": token, "hindrance": hindrance} for token, hindrance in hindrances(page)]
    # `request` is for the links to other pages.
    return {"request": request, "csrf_token": context["csrf_token"], "project": project, "page": page, "rows": rows}
