"""A conversation to take along."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import Http404, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.text import slugify
from django.views.decorators.http import require_GET

from apps.conversations.access import get_conversation_for
from apps.conversations.actions.sharing import record_export
from apps.conversations.download import FORMS
from apps.conversations.tree import leaf_to_show, read_tree
from apps.generations.json_views import PersonRequest
from apps.lib.streaming import while_sent


@require_GET
@login_required
def export(request: PersonRequest, cid: str, form: str) -> StreamingHttpResponse:
    """The branch that ends in `leaf`. Recorded before the first byte is sent."""
    conversation = get_conversation_for(request.user, cid)
    if form not in FORMS:
        raise Http404("A conversation is exported as md (Markdown) or json.")
    written, content_type = FORMS[form]
    tree = read_tree(conversation)
    path = tree.path(leaf_to_show(conversation, tree, request.GET.get("leaf", "")))
    record_export(actor=request.user, conversation=conversation, form=form, messages=len(path))
    response = StreamingHttpResponse(while_sent(written(conversation, path)), content_type=content_type)
    name = slugify(str(conversation), allow_unicode=True)[:60] or "conversation"
    response["Content-Disposition"] = content_disposition_header(True, f"{name}.{form}") or "attachment"
    response["Cache-Control"] = "no-store"
    return response
