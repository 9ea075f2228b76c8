"""The list of models."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from apps.accounts.access import signed_in_user
from apps.generations.catalogue import Choice, entries_for


@require_safe
@login_required
def model_list(request: HttpRequest) -> HttpResponse:
    entries, choice = entries_for(signed_in_user(request)), Choice.read(request.GET)
    context = {
        "entries": choice.shown(entries),
        "total": len(entries),
        "choice": choice,
        "facets": choice.facets(entries),
    }
    return render(request, "catalog/list.html", context)
