"""SharedConversation: what was shared of a conversation, as it was at that moment."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models

from apps.conversations.models.conversation import MAX_TITLE_CHARS, Conversation
from apps.lib.ids import new_id
from apps.moderation.hidden import hidden_ids

SHARED = "shared_conversation"
"""Its name as a kind of shared and of reportable things."""


class SharedConversationQuerySet(models.QuerySet["SharedConversation"]):
    def readable(self) -> Self:
        """What links may show: not what a moderator hid, nor what came from a conversation that is in the bin."""
        return self.filter(conversation__deleted_at=None).exclude(pk__in=hidden_ids(SHARED))


class SharedConversation(models.Model):
    """A copy of chosen messages; a trigger keeps its content from being changed. It goes with its conversation.

    `messages` is `[{"role": as Message has it, "text": …, "model": name or "", "cut": bool}]` in the order of the
    conversation; `cut` says that an answer ended early, `format` is there where it was held to one, `reasoning` and
    `model_id` where it was chosen to show what the model thought, `pictures` (as Message has them) where there are any.
    Answers have their `tool_calls`, results their `tool_name`.
    No names: of the people in it only `created_by` is shown.
    """

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="snapshots")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    hosted_model = models.ForeignKey("catalog.HostedModel", on_delete=models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=MAX_TITLE_CHARS)
    system_prompt = models.TextField(blank=True)
    messages = models.JSONField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = SharedConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]

    def __str__(self) -> str:
        return self.title
