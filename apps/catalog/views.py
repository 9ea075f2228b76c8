"""The pages of the catalogue."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.catalog.access import get_model_for
from apps.catalog.actions import set_enabled
from apps.catalog.markdown import render_card
from apps.catalog.models import HostedModel

CHANGES = {"enable": True, "disable": False}


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


@require_POST
@login_required
def model_change(request: HttpRequest, model_id: str, change: str) -> HttpResponse:
    found = get_model_for(request.user, model_id)
    if not request.user.is_superuser:
        raise PermissionDenied("Only administrators of this site enable and disable models. Ask one of them.")
    if set_enabled(actor=request.user, model=found, enabled=CHANGES[change]):
        messages.success(request, f"{found} is {change}d.")
    return redirect("model", model_id=found.pk)
