"""The JSON that pickers and scripts read."""

from __future__ import annotations

from typing import Any

from django.urls import reverse

from apps.prompts.models import Prompt, PromptRevision

JSON = dict[str, Any]


def prompt_json(prompt: Prompt) -> JSON:
    """A line of a list."""
    return {
        "id": prompt.pk,
        "title": prompt.title,
        "summary": prompt.summary,
        "tags": prompt.tags,
        "author": str(prompt.author) if prompt.author else "",
        "stars": prompt.star_count,
        "uses": prompt.use_count,
        "url": reverse("prompt", args=[prompt.pk]),
        "revision_url": reverse("prompt_json", args=[prompt.pk]),
        "use_url": reverse("prompt_use", args=[prompt.pk]),
    }


def revision_json(revision: PromptRevision) -> JSON:
    """All that is needed to show its form and to fill it in."""
    names = ("number", "title", "summary", "system", "user", "variables", "params", "tags", "licence")
    return {"id": revision.pk, "model": revision.model_id} | {name: getattr(revision, name) for name in names}
