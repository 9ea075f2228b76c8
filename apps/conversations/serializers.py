"""The JSON that pages, answers and sockets share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.urls import reverse

from apps.accounts.models import User
from apps.conversations.models import Conversation, Message, PictureFacts
from apps.conversations.tree import Tree, messages_of
from apps.generations.formats import FORMAT
from apps.generations.models import GenerationJob
from apps.generations.params import CERTAINTY
from apps.generations.queue import usage_of
from apps.generations.said import parts_of

JSON = dict[str, Any]
KINDS = {"url": "png", "thumbnail": "webp"}


def person_json(user: User) -> JSON:
    return {"id": user.pk, "name": str(user), "initials": user.initials}


def job_json(job: GenerationJob) -> JSON:
    """What the page knows of a job before its socket tells more, the place of a queued one among it."""
    return {
        "id": job.pk,
        "state": job.state,
        "attempt": job.attempt,
        "model": job.model_version.hosted_model_id,
        "format": job.params.get(FORMAT),
        "certainty": bool(job.params.get(CERTAINTY)),
        "finish_reason": job.finish_reason,
        "error_code": job.error_code,
        "error": job.error_message,
        "usage": usage_of(job),
    }


def picture_json(conversation_id: str, picture: PictureFacts) -> JSON:
    own = {"cid": conversation_id, "aid": picture["id"]}
    urls = {name: reverse("conversation_picture", kwargs=own | {"kind": kind}) for name, kind in KINDS.items()}
    return {**picture, **urls}


def message_json(message: Message, tree: Tree) -> JSON:
    return {
        "id": message.pk,
        "parent": message.parent_id,
        "role": message.role,
        "text": message.content,
        "pictures": [picture_json(message.conversation_id, picture) for picture in message.pictures],
        **(parts_of(message.job) if message.job else {"reasoning": "", "tool_calls": message.tool_calls}),
        "tool_name": message.tool_name,
        "label": message.label,
        "user": person_json(message.user) if message.user else None,
        "created_at": message.created_at.isoformat(),
        "siblings": tree.siblings(message.pk),
        "job": job_json(message.job) if message.job else None,
    }


def messages_json(messages: Iterable[Message], tree: Tree) -> list[JSON]:
    return [message_json(message, tree) for message in messages]


def path_json(tree: Tree, leaf: str | None) -> JSON:
    """The messages from the root to `leaf`."""
    return {"messages": messages_json(messages_of(tree.path(leaf)), tree), "leaf": leaf}


def conversation_json(conversation: Conversation) -> JSON:
    project = conversation.project
    return {
        "id": conversation.pk,
        "title": str(conversation),
        "project": {"id": project.pk, "name": project.name},
        "model": conversation.hosted_model_id,
        "system_prompt": conversation.system_prompt,
        "params": conversation.params,
        "is_pinned": conversation.is_pinned,
        "archived": conversation.archived_at is not None,
        "continued": conversation.continued_from_id is not None,
    }
