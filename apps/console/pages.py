"""What every page of the console does: show a table, or hand it out as a file and write that down."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render

from apps.accounts.access import signed_in_user
from apps.accounts.powers import Power, powers_of
from apps.audit.record import Target, record
from apps.console.noted import noted
from apps.console.tables import M, Table
from apps.lib.csv_export import csv_response


def table_page(
    request: HttpRequest, template: str, table: Table[M], rows: QuerySet[M], **context: Any
) -> HttpResponseBase:
    """The page with one page of `rows`; with `?export=csv` all rows that match, as a file."""
    if request.GET.get("export") == "csv" and not table.problem(request.GET):
        return _export(request, table, rows)
    shown = table.shown(rows, request.GET)
    return page(request, template, status=422 if shown.problem else 200, shown=shown, **context)


def page(request: HttpRequest, template: str, *, status: int = 200, **context: Any) -> HttpResponse:
    """With `may_govern`, `may_administer`, `sees_audit`: whether the reader gets buttons, or only looks."""
    powers = powers_of(signed_in_user(request))
    context |= {
        "may_govern": Power.GOVERN in powers,
        "may_administer": Power.ADMINISTER in powers,
        "sees_audit": Power.SEE_AUDIT in powers,
    }
    return render(request, template, context, status=status)


def _export(request: HttpRequest, table: Table[M], rows: QuerySet[M]) -> HttpResponseBase:
    found = table.found(rows, request.GET)
    record(
        "console.exported",
        actor=signed_in_user(request),
        target=Target("table", table.name, table.title),
        rows=found.count(),
        filters=noted(table, request.GET) or None,
    )
    return csv_response(table.name, table.lines(found))
