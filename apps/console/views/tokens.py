"""API tokens of everybody: the table of them, and ending one."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.powers import Power, power_required
from apps.api.access import get_token, tokens
from apps.api.actions import revoke_token
from apps.console.pages import table_page
from apps.console.tables_of.tokens import TOKENS


@power_required(Power.SEE)
@require_GET
def console_tokens(request: HttpRequest) -> HttpResponseBase:
    return table_page(request, "console/tokens/list.html", TOKENS, tokens())


@power_required(Power.ADMINISTER)
@require_POST
def token_revoke(request: HttpRequest, token_id: str) -> HttpResponse:
    token = get_token(token_id)
    if revoke_token(actor=signed_in_user(request), token=token):
        messages.success(request, f"The token of {token.user} that ends in {token.hint} is revoked.")
    else:
        messages.info(request, "That token was revoked before.")
    return redirect("console_tokens")
