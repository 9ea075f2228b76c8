"""What the sidebar shows of a project's conversations."""

from __future__ import annotations

from django import template

from apps.conversations.models import Conversation
from apps.projects.models import Project

register = template.Library()
SHOWN = 30


@register.simple_tag
def recent_conversations(project: Project | None) -> list[Conversation]:
    """The pinned and the latest ones, each with `has_running`; one query."""
    if not project:
        return []
    found = Conversation.objects.filter(project=project).current().with_running()
    return list(found.only("id", "title", "is_pinned", "updated_at", "project_id")[:SHOWN])
