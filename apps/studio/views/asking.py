"""Pictures of the studio in conversations: choose one to attach, or ask about one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.conversations.access import get_conversation_for
from apps.conversations.serializers import picture_json
from apps.generations.artifact_access import get_artifact_for
from apps.generations.artifact_json import SHOWN
from apps.generations.errors import Refused
from apps.generations.json_views import PersonRequest, body_of, json_view
from apps.generations.models import Artifact
from apps.projects.access import get_project_for
from apps.projects.models import Role
from apps.studio import gallery
from apps.studio.access import picture_to_show
from apps.studio.actions.asking import ask_about, attach_picture, words_for
from apps.studio.filters import Filters


@require_GET
@json_view
def choices(request: PersonRequest, pid: str) -> HttpResponseBase:
    """`{"pictures": [{"id", "words", "thumbnail"}, …], "after"}`: a page of the gallery, narrowed as that is."""
    project = get_project_for(request.user, pid)
    pictures = gallery.pictures_of(project, request.user, Filters.read(request.GET))
    page = gallery.page_of(pictures, request.GET.get("after", ""))
    return JsonResponse({"pictures": [_choice(each) for each in page.pictures], "after": page.after})


@require_POST
@json_view
def attach(request: PersonRequest, aid: str) -> HttpResponseBase:
    """`{"conversation": id}`, one of the same project."""
    picture = picture_to_show(get_artifact_for(request.user, aid, Role.EDITOR, writable=True))
    conversation = get_conversation_for(
        request.user, str(body_of(request).get("conversation")), Role.EDITOR, writable=True
    )
    if conversation.project_id != picture.project_id:
        raise Http404("There is no such picture in this project.")
    attachment = attach_picture(actor=request.user, conversation=conversation, picture=picture)
    return JsonResponse({"picture": picture_json(conversation.pk, attachment.facts)}, status=201)


@require_POST
@login_required
def ask(request: PersonRequest, aid: str) -> HttpResponseBase:
    """A new conversation whose composer has the picture; back to the picture with a sentence where that can't be."""
    picture = picture_to_show(get_artifact_for(request.user, aid, Role.EDITOR, writable=True))
    try:
        attachment = ask_about(actor=request.user, picture=picture)
    except Refused as refusal:
        messages.error(request, refusal.message)
        return redirect("picture", picture.pk)
    return redirect(f"{reverse('conversation', args=[attachment.conversation_id])}?attach={attachment.pk}")


def _choice(picture: Artifact) -> dict[str, Any]:
    thumbnail = reverse("artifact_thumbnail", kwargs={"aid": picture.pk, "size": SHOWN})
    return {"id": picture.pk, "words": words_for(picture), "thumbnail": thumbnail}
