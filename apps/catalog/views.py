"""The pages of the catalogue."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.catalog.access import get_model_for
from apps.catalog.markdown import render_card
from apps.catalog.models import HostedModel


@require_safe
@login_required
def model_list(request: HttpRequest) -> HttpResponse:
    models = HostedModel.objects.visible_to(request.user).select_related("default_version")
    return render(request, "catalog/list.html", {"models": models})


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
