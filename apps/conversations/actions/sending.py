"""Send a prompt or the results of calls, or ask again: all write a Message that waits for its new job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from django.db import transaction
from django.utils import timezone

from apps.accounts.models import User
from apps.catalog.models import HostedModel
from apps.conversations import from_prompts
from apps.conversations.actions.attaching import attached
from apps.conversations.broadcast import frames_to_all
from apps.conversations.history import chat_for
from apps.conversations.inputs import refused, title_from
from apps.conversations.models import Conversation, Message
from apps.conversations.serializers import JSON, messages_json
from apps.conversations.tree import Tree, messages_of, read_tree
from apps.generations.actions import submit_generation
from apps.lib.compiled import CompiledInsert, CompiledQuery, Parameter
from apps.lib.prepared import prepared_cursor
from apps.prompts.actions import record_use
from apps.prompts.models import PromptRevision

NEW = CompiledInsert(Message)
LOCKED = CompiledQuery(
    lambda: (
        Conversation.objects.visible().filter(pk=Parameter("conversation")).select_for_update(no_key=True).order_by()
    )
)
MOVE_ON = "UPDATE conversations_conversation SET active_leaf_id = %s, updated_at = %s, title = %s WHERE id = %s"
USER, ASSISTANT, TOOL = Message.Author.USER, Message.Author.ASSISTANT, Message.Author.TOOL


@dataclass(frozen=True)
class Sent:
    """The messages of one send; `created` is false where the same send had come before."""

    messages: list[Message]
    tree: Tree
    created: bool

    @cached_property
    def json(self) -> list[JSON]:
        """Made once, for whoever asks first."""
        return messages_json(self.messages, self.tree)


@transaction.atomic
def send_message(
    *,
    actor: User,
    conversation: Conversation,
    text: str,
    parent_id: str | None,
    client_id: str,
    revision_id: str | None = None,
    picture_ids: Sequence[str] = (),
) -> Sent:
    """Write the prompt and the message that waits for its answer, and queue the job. An edit is a send whose parent
    is the edited prompt's parent; `revision_id` names the prompt of the library that the text came from, and counts
    as a use of it; `picture_ids` are of pictures that were attached here. Raises Refused, and then nothing is
    changed."""
    conversation = _locked(conversation)
    tree = read_tree(conversation)
    if sent := tree.sent_as(client_id):
        return _sent_before(sent, USER, tree)
    path = _path_to_answer(conversation, tree, parent_id)
    question = Message(
        conversation=conversation,
        parent_id=parent_id,
        role=USER,
        user=actor,
        text=text,
        pictures=attached(actor, conversation, picture_ids),
        client_id=client_id,
    )
    answer = _new_answer(
        actor, conversation, [*path, question], client_id="", revision=from_prompts.named(actor, revision_id)
    )
    NEW.write(question, answer)
    return _written(conversation, tree, [question, answer])


@transaction.atomic
def send_results(
    *, actor: User, conversation: Conversation, answer_id: str, results: Sequence[str], client_id: str
) -> Sent:
    """Write what the calls of an answer gave, one after another in their order, and queue the answer to that. Raises
    Refused, and then nothing is changed."""
    conversation = _locked(conversation)
    tree = read_tree(conversation)
    if sent := tree.sent_as(client_id):
        return _sent_before(sent, TOOL, tree)
    path = _path_to_answer(conversation, tree, answer_id)
    calls = path[-1].good_calls
    if len(results) != len(calls) or not calls:
        raise refused("invalid", f"This answer has {len(calls)} calls to answer, and these are {len(results)} results.")
    told: list[Message] = []
    for call, text in zip(calls, results, strict=True):
        parent = told[-1] if told else path[-1]
        told.append(
            Message(conversation=conversation, parent=parent, role=TOOL, user=actor, text=text, tool_name=call["name"])
        )
    told[0].client_id = client_id
    answer = _new_answer(actor, conversation, [*path, *told], client_id="", revision=None)
    NEW.write(*told, answer)
    return _written(conversation, tree, [*told, answer])


@transaction.atomic
def regenerate(
    *, actor: User, conversation: Conversation, message: Message, client_id: str, model: HostedModel | None = None
) -> Sent:
    """Queue another answer beside `message`, from the same prompt with the settings of now. One of another `model`
    is for comparing: the branch that the conversation opens with stays. Raises Refused."""
    conversation = _locked(conversation)
    tree = read_tree(conversation)
    if sent := tree.sent_as(client_id):
        return _sent_before(sent, ASSISTANT, tree)
    _refuse_archived(conversation)
    if message.role != ASSISTANT or message.parent_id is None:
        raise refused("invalid", "Only an answer can be generated again. To change a prompt, edit it.")
    answer = _new_answer(
        actor,
        conversation,
        messages_of(tree.path(message.parent_id)),
        client_id=client_id,
        revision=from_prompts.behind(actor, message.parent_id),
        model=model,
    )
    NEW.write(answer)
    return _written(conversation, tree, [answer], stays=model is not None)


def _locked(conversation: Conversation) -> Conversation:
    """Sends to one conversation happen one after another, so a raced repeat finds the first. Its own row is read anew;
    project and model come from `conversation`, read just before, where they are still the same."""
    found = LOCKED.first(conversation=conversation.pk)
    if found is None:
        raise refused("gone", "This conversation was deleted meanwhile.", status=409)
    if found.project_id == conversation.project_id:
        found.project = conversation.project
    if found.hosted_model_id == conversation.hosted_model_id:
        found.hosted_model = conversation.hosted_model
    return found


def _sent_before(sent: str, role: str, tree: Tree) -> Sent:
    messages = messages_of([sent])
    while role != ASSISTANT and messages[-1].role != ASSISTANT:
        # The answer of a send is the oldest child of its prompt or last result; later ones were asked for again.
        messages += messages_of(tree.children(messages[-1].pk)[:1])
    if messages[0].role != role:
        raise refused("conflict", "This client_id belongs to another message; use a new one.", status=409)
    return Sent(messages, tree, created=False)


def _refuse_archived(conversation: Conversation) -> None:
    if conversation.archived_at:
        raise refused("archived", "This conversation is archived. Take it out of the archive to go on.", status=409)


def _path_to_answer(conversation: Conversation, tree: Tree, parent_id: str | None) -> list[Message]:
    """What is said so far, where something may follow that. Raises Refused."""
    _refuse_archived(conversation)
    path = messages_of(tree.path(_checked_parent(tree, parent_id)))
    _refuse_unfinished(path)
    return path


def _checked_parent(tree: Tree, parent_id: str | None) -> str | None:
    if parent_id is not None and parent_id not in tree:
        raise refused(
            "no_parent", "The message that this one answers is not part of this conversation. Reload the page."
        )
    return parent_id


def _refuse_unfinished(path: list[Message]) -> None:
    if not path:
        return
    parent = path[-1]
    if parent.role != ASSISTANT:
        raise refused("no_parent", "A prompt follows an answer, not another prompt. Reload the page.")
    if parent.job and not parent.job.is_terminal:
        raise refused("busy", "The last answer is still being written. Wait for it, or stop it first.", status=409)


def _chosen_model(conversation: Conversation) -> HostedModel:
    if conversation.hosted_model is None:
        raise refused("no_model", "Choose a model for this conversation first.")
    return conversation.hosted_model


def _new_answer(
    actor: User,
    conversation: Conversation,
    path: list[Message],
    *,
    client_id: str,
    revision: PromptRevision | None,
    model: HostedModel | None = None,
) -> Message:
    """An unsaved message at the end of `path` whose job is queued, of the conversation's own model where no other is
    named; a use of `revision`, where it came from one."""
    model = model or _chosen_model(conversation)
    job = submit_generation(
        actor=actor,
        project=conversation.project,
        model=model,
        messages=chat_for(model.default_version, conversation.system_prompt, path),
        params=conversation.params,
    )
    if revision:
        record_use(actor=actor, revision=revision, job=job)
    return Message(conversation=conversation, parent=path[-1], role=ASSISTANT, job=job, client_id=client_id)


def _written(conversation: Conversation, tree: Tree, messages: list[Message], *, stays: bool = False) -> Sent:
    """Make the new messages the shown branch, unless that `stays`, and tell everybody after the commit: by then a
    worker has been woken."""
    for message in messages:
        tree.add(message.pk, message.parent_id)
    sent = Sent(messages, tree, created=True)
    changes = {}
    if not stays:
        conversation.active_leaf = messages[-1]
    conversation.updated_at = timezone.now()
    if not conversation.title and (title := title_from(messages[0].text or _names(messages[0]))):
        conversation.title = title
        changes = {"title": conversation.title}
    with prepared_cursor() as cursor:
        changed = [conversation.active_leaf_id, conversation.updated_at, conversation.title]
        cursor.execute(MOVE_ON, [*changed, conversation.pk])
    frames_to_all(conversation.pk, lambda: _news(sent, changes))
    return sent


def _names(message: Message) -> str:
    """Of its pictures, where it says nothing else."""
    return ", ".join(picture["name"] for picture in message.pictures)


def _news(sent: Sent, changes: JSON) -> list[JSON]:
    frames: list[JSON] = [{"type": "message", "message": each} for each in sent.json]
    return [*frames, {"type": "conversation", "changes": changes}] if changes else frames
