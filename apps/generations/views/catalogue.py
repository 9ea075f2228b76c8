"""The list of models."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.access import signed_in_user
from apps.catalog.models import HostedModel
from apps.generations.catalogue import entries


@require_safe
@login_required
def model_list(request: HttpRequest) -> HttpResponse:
    models = list(HostedModel.objects.visible_to(request.user).select_related("default_version"))
    return render(request, "catalog/list.html", {"entries": entries(signed_in_user(request), models)})
