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
        {
            "id": message.pk,
            "parent": message.parent_id,
            "conversation": message.conversation_id,
            "title": message.conversation.title,
            "project": message.conversation.project_id,
            "role": message.role,
            "text": message.content,
            "pictures": message.pictures,
            "tool_calls": message.calls,
            "tool_name": message.tool_name,
            "format": format_name(message.job.params) if message.job else "",
            "tools": tool_names(message.job.params) if message.job else [],
            "reasoning": shown_reasoning(message.job) if message.job else "",
            "written_at": message.created_at,
        }
        for message in found.order_by("created_at", "id")
    ]
