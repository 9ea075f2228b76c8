"""Conversation and its tree of Messages."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.contrib.postgres.search import TrigramWordSimilarity
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Upper
from django.utils import timezone

from apps.conversations.search import SIMILAR_TITLE, text_matches, words
from apps.generations.models import GenerationJob, State
from apps.lib.ids import new_id

if TYPE_CHECKING:
    from apps.projects.models import Project

MAX_TITLE_CHARS = 120
MAX_LABEL_CHARS = 120


class ConversationQuerySet(models.QuerySet["Conversation"]):
    def visible(self) -> Self:
        """All that are not in the bin."""
        return self.filter(deleted_at=None)

    def current(self) -> Self:
        """Neither in the bin nor archived."""
        return self.visible().filter(archived_at=None)

    def as_new(self) -> Self:
        """Those that nobody has written, attached or set anything in."""
        untouched = self.current().filter(title="", system_prompt="", params={}, is_pinned=False, continued_from=None)
        return untouched.filter(messages=None, attachments=None, snapshots=None)

    def archived(self) -> Self:
        return self.visible().exclude(archived_at=None)

    def in_bin(self) -> Self:
        return self.exclude(deleted_at=None)

    def overdue(self, days: int) -> Self:
        """In the bin for longer than `days`."""
        return self.filter(deleted_at__lt=timezone.now() - timedelta(days=days))

    def with_running(self) -> Self:
        """Annotates `has_running`: an answer is queued or being written."""
        unfinished = Message.objects.filter(conversation=OuterRef("pk"), job__state__in=(State.QUEUED, State.RUNNING))
        return self.annotate(has_running=Exists(unfinished))

    def search(self, query: str, project: Project) -> Self:
        """Those of `project` whose title, prompts or completions match: similar titles first, then the latest."""
        prompts = Message.objects.filter(conversation__project=project).annotate(words=words("text"))
        completions = GenerationJob.objects.filter(project=project).annotate(words=words("output"))
        found = Q(title__icontains=query) | Q(similarity__gte=SIMILAR_TITLE)
        found |= Q(pk__in=prompts.filter(text_matches("text", query)).values("conversation"))
        found |= Q(pk__in=completions.filter(text_matches("output", query)).values("message__conversation"))
        ranked = self.filter(project=project).annotate(similarity=TrigramWordSimilarity(query, "title"))
        return ranked.filter(found).order_by("-similarity", "-updated_at")


class Conversation(models.Model):
    """Belongs to a project and, with it, to all of its members; `params` are those that differ from the defaults."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    project = models.ForeignKey("projects.Project", on_delete=models.CASCADE, related_name="conversations")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    title = models.CharField(max_length=MAX_TITLE_CHARS, blank=True)
    system_prompt = models.TextField(blank=True)
    hosted_model = models.ForeignKey("catalog.HostedModel", on_delete=models.SET_NULL, null=True, blank=True)
    params = models.JSONField(default=dict, help_text="sampling parameters that differ from the defaults")
    imported_source = models.CharField(max_length=64, blank=True, help_text="digest of where an imported one came from")
    imported_content = models.CharField(max_length=64, blank=True, help_text="digest of what was said in it then")
    continued_from = models.ForeignKey(
        "SharedConversation", on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    active_leaf = models.ForeignKey("Message", on_delete=models.SET_NULL, null=True, blank=True, related_name="+")
    is_pinned = models.BooleanField(default=False)
    archived_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True, help_text="in the bin; purged after the undo time")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(default=timezone.now, help_text="last message")

    objects = ConversationQuerySet.as_manager()

    class Meta:
        ordering = ["-is_pinned", "-updated_at"]
        indexes = [
            models.Index(fields=["project", "-updated_at"], name="conversation_recent"),
            models.Index(
                fields=["project", "imported_source"],
                condition=~models.Q(imported_source=""),
                name="conversation_imported",
            ),
            models.Index(fields=["deleted_at"], condition=~models.Q(deleted_at=None), name="conversation_bin"),
        ]

    def __str__(self) -> str:
        return self.title or "New conversation"


class Message(models.Model):
    """A node of the tree: siblings are alternatives (an edited prompt, a regenerated completion).

    The text of an assistant's message is its job's output, so that it is stored once. The results of its calls follow
    it one behind another, each a tool's message that a person wrote.
    """

    class Author(models.TextChoices):
        USER = "user"
        ASSISTANT = "assistant"
        TOOL = "tool"

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="messages")
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="children")
    role = models.CharField(max_length=10, choices=Author.choices)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    text = models.TextField(blank=True)
    pictures = models.JSONField(
        default=list, help_text='what was attached: [{"id": of the Attachment, "name": …, "width": …, "height": …}]'
    )
    tool_calls = models.JSONField(
        default=list, help_text="of an answer that was copied here, as GenerationJob has them; others' are their job's"
    )
    tool_name = models.CharField(max_length=128, blank=True, help_text="of a result: the tool that was called")
    job = models.OneToOneField(
        "generations.GenerationJob", on_delete=models.SET_NULL, null=True, blank=True, related_name="message"
    )
    label = models.CharField(
        max_length=MAX_LABEL_CHARS, blank=True, help_text="of an imported one: its model or person, as the file had it"
    )
    client_id = models.CharField(
        max_length=64, blank=True, help_text="made by the browser: a send repeated is one send"
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation", "client_id"], condition=~models.Q(client_id=""), name="message_sent_once"
            )
        ]
        indexes = [
            GinIndex(words("text"), name="message_words"),
            GinIndex(OpClass(Upper("text"), name="gin_trgm_ops"), name="message_trigrams"),
        ]

    @property
    def content(self) -> str:
        """What was said, by a person or by the model."""
        return self.job.output if self.job else self.text

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Of tools, as the model wrote them: also those that can't be read."""
        found: list[dict[str, Any]] = self.job.tool_calls if self.job else self.tool_calls
        return found

    @property
    def thought(self) -> str:
        """What the model thought before; "" where that is hidden."""
        return self.job.reasoning if self.job else ""

    @property
    def good_calls(self) -> list[dict[str, Any]]:
        """Those that can have a result."""
        return [call for call in self.calls if call["valid"]]

    @property
    def says_something(self) -> bool:
        """Not an answer that never began."""
        return bool(self.content or self.pictures or self.calls)
