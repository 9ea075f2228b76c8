"""Share chosen messages of a conversation by a link."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.conversations.access import get_conversation_for
from apps.conversations.actions.sharing import share_conversation
from apps.conversations.inputs import ids_in, lifetime_in
from apps.generations.json_views import PersonRequest, body_of, json_view
from apps.projects.models import Role


@require_POST
@json_view
def share(request: PersonRequest, cid: str) -> HttpResponseBase:
    """Answers with the address of the shared page, which can't be read again later."""
    data = body_of(request)
    conversation = get_conversation_for(request.user, cid, Role.EDITOR, writable=True)
    _, link, token = share_conversation(
        actor=request.user,
        conversation=conversation,
        message_ids=ids_in(data, "messages"),
        lifetime=lifetime_in(data),
        with_system_prompt=data.get("system_prompt") is True,
        with_reasoning=data.get("reasoning") is True,
    )
    expires = link.expires_at.isoformat() if link.expires_at else None
    url = settings.SITE_URL + reverse("shared_conversation", args=[token])
    return JsonResponse({"url": url, "expires_at": expires, "links_url": reverse("share_links")}, status=201)
