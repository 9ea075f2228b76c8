"""The audit log. Who reads it or takes it away is in it too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlencode

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET

from apps.accounts.access import signed_in_user
from apps.accounts.powers import Power, power_required
from apps.audit import export
from apps.audit.record import record
from apps.console.noted import noted
from apps.console.pages import page
from apps.console.tables_of.audit import audit_table, events
from apps.console.tables_of.audit_targets import add_addresses
from apps.lib.csv_export import csv_response

LIST = "console/audit/list.html"


@power_required(Power.SEE_AUDIT)
@require_GET
def console_audit(request: HttpRequest) -> HttpResponseBase:
    """Reading is recorded after the page was put together, so that it doesn't begin with its own view."""
    table = audit_table()
    if request.GET.get("export") == "csv":
        return _download(request, "csv")
    shown = table.shown(events(), request.GET)
    if shown.problem:
        return page(request, LIST, status=422, shown=shown)
    filters, user = noted(table, request.GET), signed_in_user(request)
    add_addresses(shown.page.rows, user)
    record("audit.viewed", actor=user, events=len(shown.page.rows), filters=filters or None)
    used = {each.filter.key: each.chosen for each in shown.pickers if each.chosen}
    jsonl = reverse("console_audit_jsonl") + (f"?{urlencode(used)}" if used else "")
    return page(request, LIST, shown=shown, jsonl=jsonl)


@power_required(Power.SEE_AUDIT)
@require_GET
def console_audit_csv(request: HttpRequest) -> HttpResponseBase:
    """The events that match the filters, as a table."""
    return _download(request, "csv")


@power_required(Power.SEE_AUDIT)
@require_GET
def console_audit_jsonl(request: HttpRequest) -> HttpResponseBase:
    """The sealed events that match the filters, in the form that anybody with the public key can verify."""
    return _download(request, "jsonl")


def _download(request: HttpRequest, form: str) -> HttpResponseBase:
    """Recorded before the first byte is sent."""
    table, asked = audit_table(), request.GET
    if table.problem(asked):
        return page(request, LIST, status=422, shown=table.shown(events(), asked))
    filters = noted(table, asked)
    last = export.last_checkpoint()
    record("audit.exported", actor=signed_in_user(request), form=form, filters=filters or None)
    if form == "csv":
        return csv_response(table.name, table.lines(table.found(events(), asked)))
    up_to = last.position if last else 0
    some = export.selected_piece(table.found(events(), asked), up_to) if filters else export.complete_piece(up_to)
    return _jsonl_response(table.name, export.jsonl_head(last, is_complete=not filters), some)


def _jsonl_response(name: str, first: bytes, piece: export.Piece) -> StreamingHttpResponse:
    response = StreamingHttpResponse(_sent(first, piece), content_type="application/x-ndjson")
    response["Content-Disposition"] = f'attachment; filename="{name}.jsonl"'
    return response


async def _sent(first: bytes, piece: export.Piece) -> AsyncIterator[bytes]:
    """A piece at a time; the event loop goes on while the database is read."""
    yield first
    at: int | None = 0
    while at is not None:
        text, at = await sync_to_async(piece)(at)
        yield text
