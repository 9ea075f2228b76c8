"""The console's page of the audit log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.audit import export
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


@login_required
@require_GET
def console_audit_csv(request: HttpRequest) -> HttpResponseBase:
    """The events that match the filters, as a table."""
    return _download(request, "csv")


@login_required
@require_GET
def console_audit_jsonl(request: HttpRequest) -> HttpResponseBase:
    """The sealed events that match the filters, in the form that anybody with the public key can verify."""
    return _download(request, "jsonl")


def _download(request: HttpRequest, form_of_file: str) -> HttpResponseBase:
    """Recorded before the first byte is sent. Without filters, the JSONL is the whole chain."""
    events = get_events_for(request.user)
    form = FilterForm(request.GET)
    if not form.is_valid():
        nothing = {"form": form, "page": Page([], None, None), "filtered": True}
        return render(request, "audit/log.html", nothing, status=422)
    filters = form.given()
    last = export.last_checkpoint()
    up_to = last.position if last else 0
    if form_of_file == "csv":
        first, piece = export.csv_head(), export.csv_piece(form.apply(events))
    else:
        first = export.jsonl_head(last, is_complete=not filters)
        piece = export.selected_piece(form.apply(events), up_to) if filters else export.complete_piece(up_to)
    record("audit.exported", actor=request.user, form=form_of_file, filters=filters or None)
    kind = "text/csv; charset=utf-8" if form_of_file == "csv" else "application/x-ndjson"
    response = StreamingHttpResponse(_sent(first, piece), content_type=kind)
    response["Content-Disposition"] = f'attachment; filename="audit-log.{form_of_file}"'
    return response


async def _sent(first: bytes, piece: export.Piece) -> AsyncIterator[bytes]:
    """A piece at a time; the event loop goes on while the database is read."""
    yield first
    at: int | None = 0
    while at is not None:
        text, at = await sync_to_async(piece)(at)
        yield text


def _links(page: Page, filters: dict[str, str]) -> dict[str, str]:
    """Addresses of the neighbouring pages, with the same filters."""
    keys = {"newer": ("after", page.newer), "older": ("before", page.older)}
    found = {name: "?" + urlencode({**filters, key: at}) for name, (key, at) in keys.items() if at is not None}
    return found | {"filters": "?" + urlencode(filters) if filters else ""}
