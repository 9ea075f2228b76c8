"""Make conversations of what a file has. Nothing is computed for it, so it counts for no quota."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import record
from apps.catalog.models import HostedModel
from apps.conversations.actions.configure import own_params
from apps.conversations.actions.lifecycle import first_model
from apps.conversations.importing import own
from apps.conversations.importing.parts import Found, Node
from apps.conversations.models import Conversation, Message
from apps.generations.errors import Refused
from apps.governance.access import usable_models
from apps.projects.models import Project
from apps.projects.targets import project_target

AT_ONCE = 1_000
"""Rows in one statement."""
APART = timedelta(microseconds=1)


@transaction.atomic
def import_conversations(*, actor: User, project: Project, found: Sequence[Found]) -> list[Conversation]:
    """All of `found`, none of which has a problem, or none. The caller has checked that `actor` may write there."""
    usable = {model.pk: model for model in usable_models(actor, project)}
    usual = first_model(actor, project)
    made = [_conversation(actor, project, usable.get(each.model, usual), each) for each in found]
    trees = [_messages(actor, *pair) for pair in zip(made, found, strict=True)]
    Conversation.objects.bulk_create(made, batch_size=AT_ONCE)
    Message.objects.bulk_create([message for tree in trees for message in tree.values()], batch_size=AT_ONCE)
    for conversation, each, tree in zip(made, found, trees, strict=True):
        conversation.active_leaf = tree.get(each.current or "")
    Conversation.objects.bulk_update(made, ["active_leaf"], batch_size=AT_ONCE)
    counts: dict[str, Any] = {"conversations": len(made), "messages": sum(map(len, trees))}
    forms: list[Any] = sorted({each.form for each in found})
    target = project_target(project)
    record("conversation.imported", actor=actor, target=target, project_id=project.pk, forms=forms, **counts)
    return made


def _conversation(actor: User, project: Project, model: HostedModel | None, found: Found) -> Conversation:
    """Unsaved, at the time when it was."""
    times = [node.at for node in found.nodes if node.at]
    return Conversation(
        project=project,
        created_by=actor,
        title=found.title,
        system_prompt=found.system_prompt,
        hosted_model=model,
        imported_source=found.source,
        imported_content=found.content,
        params=_params(found, model),
        created_at=min(times, default=found.at or timezone.now()),
        updated_at=max(times, default=found.at or timezone.now()),
    )


def _params(found: Found, model: HostedModel | None) -> dict[str, object]:
    """Those that hold here too, all or none: what is refused is no reason to leave out what was said."""
    try:
        return own_params(found.params, model) if found.params else {}
    except (ValidationError, Refused):
        return {}


def _messages(actor: User, conversation: Conversation, found: Found) -> dict[str, Message]:
    """Unsaved, by their keys in the file. Each is later than its parent and than the alternatives before it, as the
    order of a tree is that of its times."""
    made: dict[str, Message] = {}
    latest: dict[str | None, datetime] = {}
    for node in found.nodes:
        least = max(filter(None, (latest.get(node.parent), latest.get(node.key))), default=conversation.created_at)
        message = Message(
            conversation=conversation,
            parent=made[node.parent] if node.parent else None,
            role=node.role,
            user=actor if _is_theirs(actor, node, found) else None,
            text=node.text,
            label=node.label,
            tool_calls=node.tool_calls,
            tool_name=node.tool_name,
            created_at=max(node.at, least) if node.at else least,
        )
        made[node.key] = message
        latest[node.parent] = latest[node.key] = message.created_at + APART
    return made


def _is_theirs(actor: User, node: Node, found: Found) -> bool:
    """In other sites' files one person writes, which is who brings it; ours name everybody."""
    if node.role == Message.Author.ASSISTANT:
        return False
    return found.form != own.FORM or node.label == str(actor)
