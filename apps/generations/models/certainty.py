"""Certainty: how probable the tokens of an answer were, kept where somebody asked for it."""

from __future__ import annotations

from django.db import models

from apps.generations.models.job import GenerationJob


class Certainty(models.Model):
    """A row of its own, which nobody reads who doesn't ask: it is many times as long as the answer. It goes with the
    texts of its job."""

    job = models.OneToOneField(GenerationJob, on_delete=models.CASCADE, primary_key=True, related_name="certainty")
    tokens = models.JSONField(help_text="[[text, probability, [[text, probability] of the most probable ones]]]")
    is_cut = models.BooleanField(default=False, help_text="the answer went on, and of the rest none are kept")
