"""Between the library and a conversation: insert a prompt, save a message as a prompt, go on with a run."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponseBase, JsonResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from apps.conversations.access import get_conversation_for, get_message
from apps.conversations.actions.from_runs import continue_run
from apps.conversations.inputs import text_in
from apps.conversations.models import Conversation, Message
from apps.generations.json_views import PersonRequest, body_of, json_view
from apps.projects.access import get_project_for
from apps.projects.models import Role
from apps.prompts.access import get_prompt_for, get_revision
from apps.prompts.actions import create_prompt
from apps.prompts.filling import filled_in
from apps.prompts.models import Audience
from apps.prompts.models.prompt import MAX_TITLE_CHARS
from apps.prompts.runs import get_run_for


@require_POST
@json_view
def insert(request: PersonRequest, cid: str) -> HttpResponseBase:
    """`{"prompt": id, "revision": number, "values": {name: …}}` → its texts filled in, and the id of the revision: a
    send that names it counts as a use."""
    data = body_of(request)
    get_conversation_for(request.user, cid, Role.EDITOR, writable=True)
    revision = get_revision(
        get_prompt_for(request.user, text_in(data, "prompt", maximum=64), run=True), data.get("revision")
    )
    values = data.get("values")
    texts = filled_in(revision, values if isinstance(values, dict) else {})
    return JsonResponse(texts | {"revision": revision.pk})


@require_POST
@json_view
def save(request: PersonRequest, cid: str, mid: str) -> HttpResponseBase:
    """`{"title", "for_project", "system_prompt"}`: a prompt of one's own, or of the project for those who may edit."""
    data = body_of(request)
    for_project = data.get("for_project") is True
    role = Role.EDITOR if for_project else Role.VIEWER
    conversation = get_conversation_for(request.user, cid, role, writable=for_project)
    prompt = create_prompt(
        actor=request.user,
        content=_content(conversation, get_message(conversation, mid), data),
        project=conversation.project if for_project else None,
        visibility=Audience.PROJECT if for_project else Audience.PRIVATE,
        note_text="Saved from a conversation",
    )
    return JsonResponse({"title": prompt.title, "url": reverse("prompt", args=[prompt.pk])}, status=201)


@require_POST
@json_view
def continue_here(request: PersonRequest, run_id: str) -> HttpResponseBase:
    """→ `{"url"}` of the conversation that begins with the run."""
    run = get_run_for(request.user, run_id)
    if run.job:
        get_project_for(request.user, run.job.project_id, Role.EDITOR, writable=True)
    conversation = continue_run(actor=request.user, run=run)
    return JsonResponse({"url": reverse("conversation", args=[conversation.pk])}, status=201)


def _content(conversation: Conversation, message: Message, data: dict[str, Any]) -> dict[str, Any]:
    """What the message says is meant literally, braces too."""
    with_system = data.get("system_prompt") is True
    return {
        "title": text_in(data, "title", maximum=MAX_TITLE_CHARS),
        "user": _literal(message.content),
        "system": _literal(conversation.system_prompt) if with_system else "",
        "model_id": conversation.hosted_model_id or "",
        "params": conversation.params,
    }


def _literal(text: str) -> str:
    """As a template that renders to `text`."""
    return text.replace("{{", r"\{{")
