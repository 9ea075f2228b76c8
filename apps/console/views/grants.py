"""Grants: the table of them, a new one, and taking one back."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.powers import Power, power_required
from apps.console.forms.grants import GrantForm
from apps.console.pages import page, table_page
from apps.console.tables_of.grants import grants, grants_table
from apps.governance.access import get_grant_for
from apps.governance.actions.grants import create_grant, revoke_grant
from apps.governance.errors import GovernanceRefused
from apps.governance.models import Subject

ASKED = ("model", "group", "user", "project")


@power_required(Power.SEE)
@require_GET
def console_grants(request: HttpRequest) -> HttpResponseBase:
    return table_page(request, "console/grants/list.html", grants_table(), grants())


@power_required(Power.GOVERN)
@require_http_methods(["GET", "POST"])
def grant_new(request: HttpRequest) -> HttpResponse:
    """The address may say what for, as links of other pages do: `?model=`, `?group=`, `?user=`, `?project=`."""
    if request.method != "POST":
        asked = {name: request.GET[name] for name in ASKED if request.GET.get(name)}
        subject = next((name for name in asked if name in Subject.values), Subject.EVERYONE)
        return page(request, "console/grants/new.html", form=GrantForm(initial=asked | {"subject": subject}))
    form = GrantForm(request.POST)
    if form.is_valid():
        try:
            grant = create_grant(actor=signed_in_user(request), **form.wanted())
        except GovernanceRefused as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{grant.hosted_model} is granted to {grant.subject_label}.")
            return redirect("console_grants")
    return page(request, "console/grants/new.html", status=422, form=form)


@power_required(Power.GOVERN)
@require_POST
def grant_revoke(request: HttpRequest, grant_id: str) -> HttpResponse:
    grant = get_grant_for(request.user, grant_id)
    try:
        if revoke_grant(actor=signed_in_user(request), grant=grant):
            messages.success(request, f"{grant.hosted_model} is no longer granted to {grant.subject_label}.")
        else:
            messages.info(request, "This grant was revoked before.")
    except GovernanceRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("console_grants")
