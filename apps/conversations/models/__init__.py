"""Conversations, and the snapshots of them that are shared."""

from apps.conversations.models.attachment import Attachment, PictureFacts
from apps.conversations.models.conversation import (
    MAX_LABEL_CHARS,
    MAX_TITLE_CHARS,
    Conversation,
    ConversationQuerySet,
    Message,
)
from apps.conversations.models.snapshot import SharedConversation

__all__ = [
    "MAX_LABEL_CHARS", "MAX_TITLE_CHARS", "Attachment", "Conversation", "ConversationQuerySet", "Message",
    "PictureFacts", "SharedConversation",
]  # fmt: skip
