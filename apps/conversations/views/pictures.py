"""Pictures of a conversation: bring one, look at one, take one back. Access is asked about with every request."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponseBase, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from apps.conversations.access import get_attachment, get_conversation_for
from apps.conversations.actions.attaching import attach_picture, remove_unsent
from apps.conversations.serializers import picture_json
from apps.conversations.shared import get_shared_for, get_shared_picture, open_shared
from apps.generations.json_views import PersonRequest, json_view, open_json_view
from apps.generations.models import Artifact
from apps.generations.picture_http import picture_response, sent_picture, thumbnail_response
from apps.projects.models import Role

SHOWN = 512
"""Pixels of a picture as it stands in a message."""


@require_POST
@json_view
def attach(request: PersonRequest, cid: str) -> HttpResponseBase:
    """A file called `picture`."""
    conversation = get_conversation_for(request.user, cid, Role.EDITOR, writable=True)
    sent = sent_picture(request)
    attachment = attach_picture(
        actor=request.user, conversation=conversation, data=sent.data, name=sent.name, declared=sent.declared
    )
    return JsonResponse({"picture": picture_json(conversation.pk, attachment.facts)}, status=201)


@require_POST
@json_view
def remove(request: PersonRequest, cid: str, aid: str) -> HttpResponseBase:
    conversation = get_conversation_for(request.user, cid, Role.EDITOR, writable=True)
    attachment = get_attachment(request.user, conversation, aid)
    return JsonResponse({"removed": remove_unsent(actor=request.user, attachment_id=attachment.pk)})


@require_GET
@open_json_view
def picture(request: HttpRequest, cid: str, aid: str, kind: str) -> HttpResponseBase:
    attachment = get_attachment(request.user, get_conversation_for(request.user, cid), aid)
    return _response(request, attachment.artifact, kind)


@require_GET
@open_json_view
def shared_picture(request: HttpRequest, token: str, aid: str, kind: str) -> HttpResponseBase:
    return _response(request, get_shared_picture(open_shared(token), aid), kind)


@require_GET
@open_json_view
def copy_picture(request: HttpRequest, shared_id: str, aid: str, kind: str) -> HttpResponseBase:
    return _response(request, get_shared_picture(get_shared_for(request.user, shared_id), aid), kind)


def _response(request: HttpRequest, artifact: Artifact, kind: str) -> HttpResponseBase:
    """`png` is the picture itself, `webp` a smaller one."""
    if kind == "png":
        return picture_response(request, artifact)
    if kind == "webp":
        return thumbnail_response(request, artifact, SHOWN)
    raise Http404("Pictures are there as png, and smaller as webp.")
