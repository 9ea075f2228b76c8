"""The table of what was reported. What becomes of one is decided in the room of moderation."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from apps.accounts.powers import Power, power_required
from apps.console.pages import table_page
from apps.console.tables_of.reports import cases, reports_table


@power_required(Power.SEE_REPORTS)
@require_GET
def console_reports(request: HttpRequest) -> HttpResponseBase:
    return table_page(request, "console/reports/list.html", reports_table(), cases())
