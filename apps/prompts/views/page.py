"""One prompt: what it says, its form, what people think of it."""

from __future__ import annotations

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.catalog.models import HostedModel
from apps.prompts.access import get_prompt_for, get_revision, get_revision_for, rights_of
from apps.prompts.models import Comment, Prompt, PromptRevision, Star
from apps.prompts.page_state import page_state
from apps.prompts.ratings import ratings_of

COMMENTS_SHOWN = 200
LONG = ("system", "user", "variables", "params")
"""What of a revision isn't read for each of so many comments."""


@require_GET
def prompt(request: HttpRequest, prompt_id: str) -> HttpResponse:
    found = get_prompt_for(request.user, prompt_id)
    revision = get_revision(found, request.GET.get("revision"))
    rights = rights_of(request.user, found)
    context = {
        **about(request, found, revision),
        "rights": rights,
        "starred": request.user.is_authenticated and Star.objects.filter(prompt=found, user=request.user).exists(),
        "origin": origin_of(request, found),
        "comments": comments_of(found),
        "state": page_state(request, found, revision, rights),
    }
    return render(request, "prompts/prompt.html", context)


def about(request: HttpRequest, found: Prompt, revision: PromptRevision) -> dict[str, Any]:
    """What every page that shows a revision needs."""
    return {
        "prompt": found,
        "revision": revision,
        "is_production": revision.pk == found.production_id,
        "is_latest": revision.pk == found.head_id,
        "model": _recommended(request, revision),
        "ratings": ratings_of(found),
    }


def origin_of(request: HttpRequest, found: Prompt) -> PromptRevision | None:
    """The revision it was forked from, where this person may read that."""
    try:
        return get_revision_for(request.user, found.forked_from_id or "")
    except Http404:
        return None


def comments_of(found: Prompt) -> list[Comment]:
    """The latest, oldest first."""
    rows = Comment.objects.shown().filter(prompt=found).select_related("author", "revision")
    rows = rows.defer(*(f"revision__{name}" for name in LONG))
    return list(rows.order_by("-created_at", "-id")[:COMMENTS_SHOWN])[::-1]


def _recommended(request: HttpRequest, revision: PromptRevision) -> HostedModel | None:
    if not revision.model_id:
        return None
    return HostedModel.objects.visible_to(request.user).filter(pk=revision.model_id).first()
