"""Attachment: a picture that somebody brought to a conversation."""

from __future__ import annotations

from typing import Self, TypedDict

from django.db import models
from django.db.models import Q

from apps.accounts.models import User
from apps.conversations.models.conversation import Conversation
from apps.generations.models import Artifact

MAX_NAME_CHARS = 120


class PictureFacts(TypedDict):
    """An attachment as messages keep it, and copies of them that are shared. None of it ever changes."""

    id: str
    name: str
    width: int
    height: int


class AttachmentQuerySet(models.QuerySet["Attachment"]):
    def shown_to(self, person: User) -> Self:
        """Those that were sent, and those that this person is about to send: nobody sees another one's draft."""
        return self.filter(Q(sent_at__isnull=False) | Q(artifact__user=person))

    def unsent_of(self, person: User) -> Self:
        return self.filter(sent_at=None, artifact__user=person)


class Attachment(models.Model):
    """Waits in somebody's composer until it is sent with a message, and goes with its conversation. Several messages
    may have the same one: an edited message keeps its pictures."""

    artifact = models.OneToOneField(Artifact, on_delete=models.CASCADE, primary_key=True, related_name="attachment")
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="attachments")
    name = models.CharField(max_length=MAX_NAME_CHARS, help_text="of the file: what stands for the picture in words")
    sent_at = models.DateTimeField(null=True, blank=True, help_text="None: with no message yet")

    objects = AttachmentQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["conversation"], condition=Q(sent_at=None), name="attachment_unsent"),
        ]

    def __str__(self) -> str:
        return f"{self.name}, {self.pk}"

    @property
    def facts(self) -> PictureFacts:
        return {"id": self.pk, "name": self.name, "width": self.artifact.width, "height": self.artifact.height}
