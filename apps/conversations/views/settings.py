"""Change a conversation as a whole: its settings, and its place in the list, the archive or the bin."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.models import User
from apps.conversations.access import get_conversation_for
from apps.conversations.actions.configure import update_conversation
from apps.conversations.actions.lifecycle import (
    delete_conversation,
    restore_conversation,
    set_archived,
    set_pinned,
)
from apps.conversations.models import Conversation
from apps.conversations.page_state import models_json
from apps.conversations.serializers import conversation_json
from apps.generations.json_views import PersonRequest, View, body_of, json_view, wants_json
from apps.projects.models import Role

Change = Callable[[User, Conversation], None]


@require_POST
@json_view
def settings(request: PersonRequest, cid: str) -> HttpResponseBase:
    changes = body_of(request)
    conversation = get_conversation_for(request.user, cid, Role.EDITOR, writable=True)
    conversation = update_conversation(actor=request.user, conversation=conversation, changes=changes)
    return JsonResponse({"conversation": conversation_json(conversation)})


@require_GET
@json_view
def models(request: PersonRequest, cid: str) -> HttpResponseBase:
    """The models to choose from as it is now: somebody may have been given access since the page was opened."""
    conversation = get_conversation_for(request.user, cid)
    return JsonResponse({"models": models_json(request.user, conversation.project)})


def _change_view(change: Change, sentence: str, *, in_bin: bool = False, to_list: bool = False) -> View:
    """A view for a button: JSON for scripts, a redirect with a toast for forms."""

    def run(request: PersonRequest, cid: str) -> Conversation:
        conversation = get_conversation_for(request.user, cid, Role.EDITOR, writable=True, in_bin=in_bin)
        change(request.user, conversation)
        return conversation

    @json_view
    def as_json(request: PersonRequest, cid: str) -> HttpResponseBase:
        return JsonResponse({"conversation": conversation_json(run(request, cid))})

    @login_required
    def as_form(request: PersonRequest, cid: str) -> HttpResponseBase:
        conversation = run(request, cid)
        messages.success(request, sentence)
        return redirect("project", conversation.project_id) if to_list else redirect("conversation", conversation.pk)

    @require_POST
    def view(request: PersonRequest, cid: str) -> HttpResponseBase:
        return as_json(request, cid) if wants_json(request) else as_form(request, cid)

    return view


pin = _change_view(lambda user, it: set_pinned(actor=user, conversation=it, pinned=True), "Pinned.")
unpin = _change_view(lambda user, it: set_pinned(actor=user, conversation=it, pinned=False), "Unpinned.")
archive = _change_view(lambda user, it: set_archived(actor=user, conversation=it, archived=True), "Archived.")
unarchive = _change_view(
    lambda user, it: set_archived(actor=user, conversation=it, archived=False), "Taken out of the archive."
)
delete = _change_view(lambda user, it: delete_conversation(actor=user, conversation=it), "Deleted.", to_list=True)
restore = _change_view(lambda user, it: restore_conversation(actor=user, conversation=it), "Restored.", in_bin=True)
