"""What somebody shared: for everybody who has the link, and to go on with in a project of one's own."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.models import User
from apps.audit.refusals import record_refusal
from apps.conversations.actions.sharing import continue_shared, record_reading
from apps.conversations.continuing import Destination, destination, models_on_show, proposed
from apps.conversations.models import SharedConversation
from apps.conversations.models.snapshot import SHARED
from apps.conversations.shared import get_shared_for, open_shared, shown_messages
from apps.generations.errors import Refused
from apps.generations.json_views import PersonRequest
from apps.governance.remedies import remedy
from apps.moderation.hidden import is_hidden

HEADERS = {"X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store"}


@require_GET
def shared_conversation(request: HttpRequest, token: str) -> HttpResponse:
    return _page(request, open_shared(token, count=True), token=token)


@require_GET
@login_required
def shared_copy(request: PersonRequest, shared_id: str) -> HttpResponse:
    """The same page without a token: for whoever shared it, and for a moderator who is asked about it."""
    shared = get_shared_for(request.user, shared_id)
    if shared.created_by_id != request.user.pk:
        record_reading(actor=request.user, shared=shared)
    return _page(request, shared, hidden=is_hidden(SHARED, shared.pk))


@require_http_methods(["GET", "POST"])
@login_required
def continue_here(request: PersonRequest, token: str) -> HttpResponse:
    if request.method == "GET":  # somebody whose session had ended, back from signing in
        return redirect("shared_conversation", token)
    shared = open_shared(token)
    try:
        chosen = destination(request.user, request.POST.get("project", ""), request.POST.get("model", ""))
    except Refused as refusal:
        return _page(request, shared, token=token, problem=refusal.message, status=refusal.status)
    project, (model, decision) = chosen
    if not decision.allowed:
        record_refusal(request, decision.reason, code=decision.code)
        way = remedy(decision, model, project)
        return _page(request, shared, token=token, chosen=chosen, problem=decision.reason, way=way, status=403)
    try:
        started = continue_shared(actor=request.user, shared=shared, project=project, model=model)
    except Refused as refusal:
        return _page(request, shared, token=token, chosen=chosen, problem=refusal.message, status=refusal.status)
    return redirect("conversation", started.pk)


def _page(
    request: HttpRequest,
    shared: SharedConversation,
    *,
    token: str = "",
    chosen: Destination | None = None,
    status: int = 200,
    **more: Any,
) -> HttpResponse:
    """`token` is missing on the author's copy: nothing can be continued or reported there."""
    context: dict[str, Any] = {
        "shared": shared,
        "shown": shown_messages(shared),
        "token": token,
        "kind": SHARED,
        **more,
    }
    if token and isinstance(request.user, User):
        projects, first = proposed(request.user, request.session, shared)
        context |= {"projects": projects, "chosen": chosen or first, "models": models_on_show()}
    response = render(request, "sharing/conversation.html", context, status=status)
    for name, value in HEADERS.items():
        response[name] = value
    return response
