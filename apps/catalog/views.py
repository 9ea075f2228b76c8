"""The page of one model. The list stands in a room that knows who may use what, and what is ready."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.catalog.access import get_model_for
from apps.catalog.markdown import render_card


@require_safe
@login_required
def model(request: HttpRequest, model_id: str) -> HttpResponse:
    found = get_model_for(request.user, model_id)
    version = found.default_version
    context = {
        "model": found,
        "version": version,
        "versions": found.versions.all(),
        "card": render_card(version.model_card) if version and version.model_card else "",
    }
    return render(request, "catalog/model.html", context)
