"""All that a conversation page starts from, as one JSON document."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.urls import reverse

from apps.accounts.models import User
from apps.catalog.chat import takes_tools
from apps.conversations.from_prompts import with_runs
from apps.conversations.inputs import MAX_PICTURES
from apps.conversations.models import Conversation
from apps.conversations.serializers import conversation_json, path_json, person_json, picture_json
from apps.conversations.tree import leaf_to_show, read_tree
from apps.generations.formats import formats_of
from apps.generations.params import PARAMETERS, defaults_of
from apps.generations.pickers import picks
from apps.lib.ids import is_id
from apps.projects.models import Project, Role

ACTIONS = (
    "messages",
    "models",
    "attach",
    "pdf",
    "tokens",
    "settings",
    "pin",
    "unpin",
    "archive",
    "unarchive",
    "delete",
    "restore",
    "share",
    "insert",
)


def page_state(
    conversation: Conversation, user: User, role: Role, *, leaf: str = "", attach: str = ""
) -> dict[str, Any]:
    """`attach`: the id of a picture that was attached elsewhere, for the composer."""
    tree = read_tree(conversation)
    path = path_json(tree, leaf_to_show(conversation, tree, leaf))
    return {
        "conversation": conversation_json(conversation),
        **path,
        "messages": with_runs(user, path["messages"]),
        "role": role.name.lower(),
        "user": person_json(user),
        "models": models_json(user, conversation.project),
        "parameters": [asdict(parameter) for parameter in PARAMETERS],
        "attach": _waiting(conversation, user, attach),
        "limits": {
            "max_chars": settings.MAX_PROMPT_CHARS,
            "pictures": MAX_PICTURES,
            "upload_mb": settings.MAX_UPLOAD_MB,
        },
        "urls": _urls(conversation),
    }


def _waiting(conversation: Conversation, user: User, attachment_id: str) -> dict[str, Any] | None:
    """Of this person, where it wasn't sent."""
    if not is_id(attachment_id):
        return None
    rows = conversation.attachments.unsent_of(user).select_related("artifact")
    found = rows.filter(pk=attachment_id).first()
    return picture_json(conversation.pk, found.facts) if found else None


def models_json(user: User, project: Project) -> list[dict[str, Any]]:
    """What can be chosen now, and what `user` may not choose here, with the reason."""
    return [
        {
            **pick,
            "description": model.description,
            "reading": model.default_version.reading,
            "license": model.default_version.license_id,
            "defaults": defaults_of(model.recommended),
            "takes_effort": model.default_version.takes_effort,
            "formats": formats_of(model.default_version),
            "takes_tools": takes_tools(model.default_version),
            "sees": model.default_version.sees,
            "weighs_words": not model.default_version.is_upstream,
            "tells_certainty": not model.default_version.is_upstream,
        }
        for model, pick in picks(user, project)
        if model.default_version
    ]


def _urls(conversation: Conversation) -> dict[str, str]:
    """Some hold the place of an id as `{id}`."""
    urls = {name: reverse(f"conversation_{name}", args=[conversation.pk]) for name in ACTIONS}
    urls["regenerate"] = f"{urls['messages']}{{id}}/regenerate/"
    urls["alternatives"] = f"{urls['messages']}{{id}}/alternatives/"
    urls["results"] = f"{urls['messages']}{{id}}/results/"
    urls["save_prompt"] = f"{urls['messages']}{{id}}/prompt/"
    urls["certainty"] = f"{urls['messages']}{{id}}/certainty/"
    urls["remove_picture"] = f"{urls['attach']}{{id}}/remove/"
    urls["gallery"] = reverse("studio_choices", args=[conversation.project_id])
    urls["attach_copy"] = "/pictures/{id}/attach/"
    urls["prompts"] = reverse("prompts_search")
    urls["cancel"] = "/jobs/{id}/cancel/"
    urls["rate"] = "/prompts/runs/{id}/rating/"
    urls["list"] = reverse("project", args=[conversation.project_id])
    urls["new"] = reverse("conversation_new", args=[conversation.project_id])
    urls["socket"] = f"/ws/conversations/{conversation.pk}/"
    return urls
