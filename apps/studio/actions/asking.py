"""Show a picture from the studio to a model that sees: it becomes an attachment of a conversation."""

from __future__ import annotations

from django.db import transaction

from apps.accounts.models import User
from apps.conversations.actions.attaching import attach_copy
from apps.conversations.actions.lifecycle import create_conversation
from apps.conversations.models import Attachment, Conversation
from apps.generations.models import Artifact

UPLOADED = "Picture from the studio"


def words_for(picture: Artifact) -> str:
    """What stands for it where it can't be seen."""
    return (picture.job.params.get("prompt") if picture.job else "") or UPLOADED


def attach_picture(*, actor: User, conversation: Conversation, picture: Artifact) -> Attachment:
    """To the message that `actor` is writing there. Raises Refused."""
    return attach_copy(actor=actor, conversation=conversation, artifact=picture, words=words_for(picture))


@transaction.atomic
def ask_about(*, actor: User, picture: Artifact) -> Attachment:
    """In a new conversation of its project, with a model that sees. Raises Refused, and then there is none."""
    conversation = create_conversation(actor=actor, project=picture.project, sees=True)
    return attach_picture(actor=actor, conversation=conversation, picture=picture)
