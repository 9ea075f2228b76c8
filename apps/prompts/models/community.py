"""What people do with prompts: stars, comments, and runs with their ratings."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q

from apps.lib.ids import new_id
from apps.prompts.models.prompt import Prompt
from apps.prompts.models.revision import PromptRevision

MAX_COMMENT_CHARS = 4_000


class Star(models.Model):
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="stars")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="starred_prompts")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["prompt", "user"], name="star_once")]


class CommentQuerySet(models.QuerySet["Comment"]):
    def shown(self) -> models.QuerySet[Comment]:
        """Neither deleted nor hidden."""
        return self.filter(deleted_at=None, hidden_at=None)


class Comment(models.Model):
    """Markdown, shown through the sanitiser; `revision` is the one its writer was looking at."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="comments")
    revision = models.ForeignKey(PromptRevision, on_delete=models.SET_NULL, null=True, related_name="+")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    text = models.TextField(max_length=MAX_COMMENT_CHARS)
    created_at = models.DateTimeField(auto_now_add=True)
    hidden_at = models.DateTimeField(null=True, blank=True, help_text="by a moderator")
    hidden_reason = models.CharField(max_length=500, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    objects = CommentQuerySet.as_manager()

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["prompt", "created_at"], name="comment_of_prompt")]

    def __str__(self) -> str:
        return f"Comment on {self.prompt}"


class PromptRun(models.Model):
    """One use of a revision; `rating`, 1 to 5, is what its user thought of the answer."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    revision = models.ForeignKey(PromptRevision, on_delete=models.CASCADE, related_name="runs")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    job = models.ForeignKey(
        "generations.GenerationJob", on_delete=models.SET_NULL, null=True, blank=True, related_name="prompt_runs"
    )
    model_id = models.CharField(max_length=80, blank=True, help_text="the HostedModel that answered")
    rating = models.PositiveSmallIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.CheckConstraint(condition=Q(rating=None) | Q(rating__range=(1, 5)), name="rating_one_to_five")
        ]
        indexes = [
            models.Index(fields=["revision", "-created_at"], name="run_of_revision"),
            models.Index(fields=["user", "-created_at"], name="run_of_person"),
        ]
