"""Requests for models: the table of them, one of them, and the answer."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.powers import Power, power_required
from apps.console.forms.grants import ApproveForm, DeclineForm
from apps.console.pages import page, table_page
from apps.console.tables_of.requests import requests, requests_table
from apps.governance.access import get_request_for
from apps.governance.actions.requests import approve_request, decline_request
from apps.governance.decisions import explain
from apps.governance.errors import GovernanceRefused
from apps.governance.models import AccessRequest

ONE = "console/requests/request.html"


@power_required(Power.SEE)
@require_GET
def console_requests(request: HttpRequest) -> HttpResponseBase:
    return table_page(request, "console/requests/list.html", requests_table(), requests())


@power_required(Power.SEE)
@require_GET
def console_request(request: HttpRequest, request_id: str) -> HttpResponse:
    asked = get_request_for(request.user, request_id)
    return _page(request, asked, ApproveForm(auto_id="approve_%s"), DeclineForm(auto_id="decline_%s"))


@power_required(Power.GOVERN)
@require_POST
def request_approve(request: HttpRequest, request_id: str) -> HttpResponse:
    asked, form = get_request_for(request.user, request_id), ApproveForm(request.POST, auto_id="approve_%s")
    if not form.is_valid():
        return _page(request, asked, form, DeclineForm(auto_id="decline_%s"), status=422)
    given = form.cleaned_data
    limits = {"max_tokens": given.pop("max_tokens")}
    try:
        approve_request(actor=signed_in_user(request), request=asked, max_params=limits, **given)
    except GovernanceRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("console_request", asked.pk)
    messages.success(request, f"{asked.user} may use {asked.hosted_model}, and is told so.")
    return redirect("console_requests")


@power_required(Power.GOVERN)
@require_POST
def request_decline(request: HttpRequest, request_id: str) -> HttpResponse:
    asked, form = get_request_for(request.user, request_id), DeclineForm(request.POST, auto_id="decline_%s")
    if not form.is_valid():
        return _page(request, asked, ApproveForm(auto_id="approve_%s"), form, status=422)
    try:
        decline_request(actor=signed_in_user(request), request=asked, answer=form.cleaned_data["answer"])
    except GovernanceRefused as refusal:
        messages.error(request, str(refusal))
        return redirect("console_request", asked.pk)
    messages.success(request, f"{asked.user} is told why not.")
    return redirect("console_requests")


def _page(
    request: HttpRequest, asked: AccessRequest, approve: ApproveForm, decline: DeclineForm, *, status: int = 200
) -> HttpResponse:
    if asked.project is None:
        approve.fields.pop("for_project", None)
    model = asked.hosted_model
    explained = explain(actor=asked.user, action="generate", model=model, project=asked.project)
    context = {"asked": asked, "approve": approve, "decline": decline, "explained": explained}
    return page(request, ONE, status=status, **context)
