"""The only way to a conversation: through the role that a person has in its project."""

from __future__ import annotations

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import Http404

from apps.accounts.models import User
from apps.conversations.models import Attachment, Conversation, ConversationQuerySet, Message
from apps.generations.models import Certainty
from apps.lib.compiled import CompiledQuery, Parameter
from apps.lib.ids import is_id
from apps.projects.access import in_projects_of, require
from apps.projects.models import Role


def _one_of(conversations: ConversationQuerySet) -> QuerySet[Conversation]:
    chosen = conversations.filter(pk=Parameter("conversation")).select_related("hosted_model__default_version")
    return in_projects_of(Parameter("user"), chosen).order_by()


VISIBLE = CompiledQuery(lambda: _one_of(Conversation.objects.visible()))
IN_BIN = CompiledQuery(lambda: _one_of(Conversation.objects.in_bin()))


def get_conversation_for(
    user: User | AnonymousUser,
    conversation_id: str,
    role: Role = Role.VIEWER,
    *,
    writable: bool = False,
    in_bin: bool = False,
) -> Conversation:
    """The conversation, where `user` has at least `role`; one in the bin only with `in_bin`. One query.

    Raises Http404 for a stranger (the same as for no such conversation) and PermissionDenied with a sentence for a
    member with too small a role, or with `writable` where the project is archived.
    """
    return visit_conversation(user, conversation_id, role, writable=writable, in_bin=in_bin)[0]


def visit_conversation(
    user: User | AnonymousUser,
    conversation_id: str,
    role: Role = Role.VIEWER,
    *,
    writable: bool = False,
    in_bin: bool = False,
) -> tuple[Conversation, Role]:
    """As `get_conversation_for`, with the role that `user` has there."""
    conversation = None
    if isinstance(user, User) and is_id(conversation_id):
        conversation = (IN_BIN if in_bin else VISIBLE).first(user=user.pk, conversation=conversation_id)
    if conversation is None:
        raise Http404("There is no such conversation.")
    has = Role(conversation.role_there)  # type: ignore[attr-defined]  # annotated
    require(conversation.project, has, role, writable=writable)
    return conversation, has


def get_attachment(user: User | AnonymousUser, conversation: Conversation, attachment_id: str) -> Attachment:
    """A picture of this conversation, which `user` may see; Http404 for one of another, or of another one's draft."""
    if not (is_id(attachment_id) and isinstance(user, User)):
        raise Http404("There is no such picture in this conversation.")
    attachments = conversation.attachments.shown_to(user).select_related("artifact")
    attachment = attachments.filter(pk=attachment_id).first()
    if attachment is None:
        raise Http404("There is no such picture in this conversation.")
    return attachment


def get_certainty(conversation: Conversation, message_id: str) -> Certainty:
    """How probable the tokens of this answer were; Http404 with a sentence where that isn't kept."""
    message = get_message(conversation, message_id)
    found = Certainty.objects.filter(job=message.job).first() if message.job else None
    if found is None:
        raise Http404("How sure the model was isn't kept of this answer. Have it answered again, with the setting on.")
    return found


def get_message(conversation: Conversation, message_id: str) -> Message:
    """A message of this conversation; Http404 for one of another."""
    messages = conversation.messages.select_related("user", "job__model_version__hosted_model").filter(pk=message_id)
    message = messages.first() if is_id(message_id) else None
    if message is None:
        raise Http404("There is no such message in this conversation.")
    return message
