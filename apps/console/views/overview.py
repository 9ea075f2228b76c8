"""The first page of the console."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET

from apps.accounts.powers import Power, power_required
from apps.console.overview import overview
from apps.console.pages import page


@power_required(Power.SEE)
@require_GET
def console_overview(request: HttpRequest) -> HttpResponse:
    return page(request, "console/overview.html", **overview())
