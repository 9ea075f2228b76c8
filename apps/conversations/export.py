"""What a person may take with them: the prompts they wrote and the answers they asked for."""

from __future__ import annotations

from typing import Any

from django.db.models import Q

from apps.accounts.models import User
from apps.conversations.models import Message
from apps.generations.formats import format_name
from apps.generations.said import shown_reasoning
from apps.generations.tools import tool_names


def own_messages(user: User) -> list[dict[str, Any]]:
    """Oldest first; what is in the bin too, since it is still kept."""
    found = Message.objects.filter(Q(user=user) | Q(job__user=user)).select_related(
        "conversation", "job__model_version__hosted_model"
    )
    return [
        message_facts(message)
        | {
            "conversation": message.conversation_id,
            "title": message.conversation.title,
            "project": message.conversation.project_id,
        }
        for message in found.order_by("created_at", "id")
    ]


def message_facts(message: Message) -> dict[str, Any]:
    """What an export tells of a message: of thoughts only those that people may read."""
    job = message.job
    return {
        "id": message.pk,
        "parent": message.parent_id,
        "role": message.role,
        "text": message.content,
        "pictures": message.pictures,
        "tool_calls": message.calls,
        "tool_name": message.tool_name,
        "format": format_name(job.params) if job else "",
        "tools": tool_names(job.params) if job else [],
        "reasoning": shown_reasoning(job) if job else "",
        "written_at": message.created_at,
    }
