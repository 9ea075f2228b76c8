"""The console's page of the audit log."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.audit.access import get_events_for
from apps.audit.forms import FilterForm
from apps.audit.paging import Page, page_of
from apps.audit.record import record


@login_required
@require_GET
def console_audit(request: HttpRequest) -> HttpResponse:
    """Reading is recorded too, after the page was put together, so that it doesn't begin with its own view."""
    events = get_events_for(request.user)
    form = FilterForm(request.GET)
    if not form.is_valid():
        nothing = {"form": form, "page": Page([], None, None), "filtered": True}
        return render(request, "audit/log.html", nothing, status=422)
    page = page_of(form.apply(events), request.GET)
    filters = form.given()
    record("audit.viewed", actor=request.user, events=len(page.events), filters=filters or None)
    context = {"form": form, "page": page, "filtered": filters, "links": _links(page, filters)}
    return render(request, "audit/log.html", context)


def _links(page: Page, filters: dict[str, str]) -> dict[str, str]:
    """Addresses of the neighbouring pages, with the same filters."""
    keys = {"newer": ("after", page.newer), "older": ("before", page.older)}
    return {name: "?" + urlencode({**filters, key: at}) for name, (key, at) in keys.items() if at is not None}
