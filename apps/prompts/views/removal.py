"""Delete a prompt, and bring it back: JSON for scripts, a redirect with a toast for forms."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from apps.accounts.models import User
from apps.generations.json_views import PersonRequest, View, json_view, wants_json
from apps.prompts import actions
from apps.prompts.access import get_prompt_for


def _change_view(change: Callable[[User, str], None], sentence: Callable[[], str], *, to_library: bool = False) -> View:
    @json_view
    def as_json(request: PersonRequest, prompt_id: str) -> HttpResponseBase:
        change(request.user, prompt_id)
        return JsonResponse({"prompt": prompt_id})

    @login_required
    def as_form(request: PersonRequest, prompt_id: str) -> HttpResponseBase:
        change(request.user, prompt_id)
        messages.success(request, sentence())
        return redirect("prompt_library") if to_library else redirect("prompt", prompt_id)

    @require_POST
    def view(request: PersonRequest, prompt_id: str) -> HttpResponseBase:
        return as_json(request, prompt_id) if wants_json(request) else as_form(request, prompt_id)

    return view


def _delete(user: User, prompt_id: str) -> None:
    actions.delete(actor=user, prompt=get_prompt_for(user, prompt_id, manage=True))


def _undelete(user: User, prompt_id: str) -> None:
    actions.undelete(actor=user, prompt=get_prompt_for(user, prompt_id, manage=True, in_bin=True))


def _deleted() -> str:
    days = settings.CONVERSATION_BIN_DAYS
    return f"Deleted. Under “Deleted” it can be restored for {days} day{'' if days == 1 else 's'}."


delete = _change_view(_delete, _deleted, to_library=True)
undelete = _change_view(_undelete, lambda: "Restored.")
