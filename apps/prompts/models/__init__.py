"""Prompt and its immutable revisions; what people do with them: stars, comments, runs with ratings."""

from apps.prompts.models.community import Comment, PromptRun, Star
from apps.prompts.models.prompt import Audience, Prompt, PromptQuerySet
from apps.prompts.models.revision import PromptRevision

__all__ = ["Audience", "Comment", "Prompt", "PromptQuerySet", "PromptRevision", "PromptRun", "Star"]
