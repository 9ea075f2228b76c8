"""Share chosen messages by a link; continue what somebody else shared."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.audit.record import JSON, Target, record
from apps.catalog.models import HostedModel
from apps.conversations.actions.attaching import copied_pictures
from apps.conversations.inputs import refused
from apps.conversations.models import Conversation, Message, SharedConversation
from apps.conversations.models.snapshot import SHARED
from apps.conversations.tree import messages_of, read_tree
from apps.generations.formats import FORMAT
from apps.generations.models import State
from apps.generations.said import shown_reasoning
from apps.moderation.limits import check_rate
from apps.projects.models import Project
from apps.sharing.actions import create_link
from apps.sharing.models import ShareLink

ENDED_EARLY = {"length", "cancelled", "error"}


@transaction.atomic
def share_conversation(
    *,
    actor: User,
    conversation: Conversation,
    message_ids: Sequence[str],
    lifetime: timedelta | None,
    with_system_prompt: bool = False,
    with_reasoning: bool = False,
) -> tuple[SharedConversation, ShareLink, str]:
    """A copy of these messages of one branch, and a link to it with its token. `lifetime` None: until it is revoked.
    What the models thought is in it `with_reasoning` only, and where people may read that.

    Raises Refused where the messages aren't of one branch or an answer is still being written, TooMany where a new
    account shares too much.
    """
    chosen = _chosen(conversation, message_ids)
    check_rate(actor, "share.create")
    shared = SharedConversation.objects.create(
        conversation=conversation,
        created_by=actor,
        hosted_model=conversation.hosted_model,
        title=str(conversation),
        system_prompt=conversation.system_prompt if with_system_prompt else "",
        messages=_copies_of(chosen, with_reasoning=with_reasoning),
    )
    _note("conversation.shared", actor, conversation, shared=shared.pk, messages=len(chosen))
    link, token = create_link(
        actor=actor,
        kind=SHARED,
        target_id=shared.pk,
        label=shared.title,
        project=conversation.project,
        expires_at=timezone.now() + lifetime if lifetime else None,
    )
    return shared, link, token


@transaction.atomic
def continue_shared(*, actor: User, shared: SharedConversation, project: Project, model: HostedModel) -> Conversation:
    """A new conversation in `project` that begins with the shared messages and has their pictures as its own. The
    caller has checked that `actor` may write there and use `model`. Raises Refused where a picture can't be copied."""
    conversation = Conversation.objects.create(
        project=project,
        created_by=actor,
        title=shared.title,
        system_prompt=shared.system_prompt,
        hosted_model=model,
        continued_from=shared,
    )
    copies = _copied_into(conversation, shared, actor)
    Message.objects.bulk_create(copies)
    conversation.active_leaf = copies[-1]
    conversation.save(update_fields=["active_leaf"])
    _note("conversation.continued", actor, conversation, shared=shared.pk)
    return conversation


@transaction.atomic
def record_reading(*, actor: User, shared: SharedConversation) -> None:
    """A moderator reads what was reported."""
    _note("conversation.copy_read", actor, shared.conversation, shared=shared.pk)


@transaction.atomic
def record_export(*, actor: User, conversation: Conversation, form: str, messages: int) -> None:
    """Somebody takes one branch along."""
    _note("conversation.exported", actor, conversation, form=form, messages=messages)


def _copied_into(conversation: Conversation, shared: SharedConversation, actor: User) -> list[Message]:
    """Unsaved, each the parent of the next. A prompt at the end gets an empty answer: it can be asked for again, and
    another prompt can follow it."""
    copies: list[Message] = []
    own = copied_pictures(actor, conversation, [one for each in shared.messages for one in each.get("pictures", ())])
    said = list(shared.messages)
    if said[-1]["role"] != Message.Author.ASSISTANT:
        said.append({"role": Message.Author.ASSISTANT, "text": ""})
    for each in said:
        parent = copies[-1] if copies else None
        copy = Message(conversation=conversation, parent=parent, role=each["role"], text=each["text"])
        copy.pictures = [own[picture["id"]] for picture in each.get("pictures", ())]
        copy.tool_calls, copy.tool_name = each.get("tool_calls", []), each.get("tool_name", "")
        copies.append(copy)
    return copies


def _chosen(conversation: Conversation, message_ids: Sequence[str]) -> list[Message]:
    """In the order of the conversation."""
    tree = read_tree(conversation)
    wanted = set(message_ids)
    if not all(each in tree for each in wanted):
        raise refused("not_found", "One of these messages is not there any more. Reload the page and choose again.")
    path = max((tree.path(each) for each in wanted), key=len, default=[])
    if not wanted <= set(path):
        raise refused("branches", "These messages are of different versions of the conversation. Choose from one.")
    messages = [message for message in messages_of([each for each in path if each in wanted]) if _is_whole(message)]
    if not messages:
        raise refused("empty", "Choose at least one message that says something.")
    return messages


def _is_whole(message: Message) -> bool:
    """Whether there is something to show. Raises Refused for an answer that is still to come."""
    if message.job and message.job.state in (State.QUEUED, State.RUNNING):
        raise refused("running", "An answer is still being written. Share once it is complete, or leave it out.")
    return message.says_something


def _copies_of(messages: Sequence[Message], *, with_reasoning: bool) -> list[dict[str, Any]]:
    """As SharedConversation keeps them."""
    return [
        {
            "role": str(message.role),
            "text": message.content,
            "model": message.job.model_version.hosted_model.name if message.job else _label_of(message),
            "cut": bool(message.job and message.job.finish_reason in ENDED_EARLY),
            **({"format": wanted} if message.job and (wanted := message.job.params.get(FORMAT)) else {}),
            **({"pictures": message.pictures} if message.pictures else {}),
            **({"tool_calls": message.calls} if message.calls else {}),
            **({"tool_name": message.tool_name} if message.tool_name else {}),
            **(_reasoning_of(message) if with_reasoning else {}),
        }
        for message in messages
    ]


def _label_of(message: Message) -> str:
    """Of an imported answer. Who else wrote stays out of copies."""
    return message.label if message.role == Message.Author.ASSISTANT else ""


def _reasoning_of(message: Message) -> dict[str, str]:
    """With the id of the model: its policy is asked again by whoever shows the copy."""
    if message.job is None or not (reasoning := shown_reasoning(message.job)):
        return {}
    return {"reasoning": reasoning, "model_id": message.job.model_version.hosted_model_id}


def _note(action: str, actor: User, conversation: Conversation, **details: JSON) -> None:
    target = Target("conversation", conversation.pk, "conversation")
    more: dict[str, Any] = {"project_id": conversation.project_id, **details}
    record(action, actor=actor, target=target, **more)
