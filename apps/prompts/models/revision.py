"""PromptRevision: one state of a prompt, for good. A database trigger refuses changes."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.lib.ids import new_id
from apps.prompts.models.prompt import MAX_SUMMARY_CHARS, MAX_TITLE_CHARS, Prompt


class PromptRevision(models.Model):
    """`variables` is a list of `{"name", "type", "label", "help", "default", "choices", "required"}`; see
    `apps.prompts.variables`. The model is named by its id without a foreign key: the revision outlives it."""

    id = models.CharField(primary_key=True, max_length=16, default=new_id, editable=False)
    prompt = models.ForeignKey(Prompt, on_delete=models.CASCADE, related_name="revisions")
    number = models.PositiveIntegerField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    note = models.CharField(max_length=200, blank=True, help_text="what changed, in a few words")
    title = models.CharField(max_length=MAX_TITLE_CHARS)
    summary = models.CharField(max_length=MAX_SUMMARY_CHARS, blank=True)
    system = models.TextField(blank=True, help_text="the system template")
    user = models.TextField(help_text="the user template")
    variables = models.JSONField(default=list)
    model_id = models.CharField(max_length=80, blank=True, help_text="the recommended HostedModel")
    params = models.JSONField(default=dict, help_text="recommended sampling parameters")
    tags = ArrayField(models.CharField(max_length=32), default=list, blank=True)
    licence = models.CharField(max_length=40, blank=True, help_text="SPDX id")

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["prompt", "number"], name="revision_number_once")]

    def __str__(self) -> str:
        return f"{self.title}, revision {self.number}"

    def content(self) -> dict[str, Any]:
        """All that a person wrote: what a restore or a fork copies."""
        names = ("title", "summary", "system", "user", "variables", "model_id", "params", "tags", "licence")
        return {name: getattr(self, name) for name in names}
