"""Revisions of a prompt, two of them side by side, and where it comes from."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.prompts.access import get_prompt_for, get_revision_for, rights_of
from apps.prompts.comparing import compare
from apps.prompts.lineage import lineage as lineage_of
from apps.prompts.lineage_drawing import draw
from apps.prompts.models import Prompt, PromptRevision

PAGE_SIZE = 50


@require_GET
def revisions(request: HttpRequest, prompt_id: str) -> HttpResponse:
    prompt = get_prompt_for(request.user, prompt_id)
    rows = prompt.revisions.select_related("author").defer("system", "user", "variables")
    context = {
        "prompt": prompt,
        "rights": rights_of(request.user, prompt),
        "page": Paginator(rows, PAGE_SIZE).get_page(request.GET.get("page")),
    }
    return render(request, "prompts/revisions.html", context)


@require_GET
def diff(request: HttpRequest, prompt_id: str) -> HttpResponse:
    """`?a=` and `?b=` are ids of revisions, of this prompt or of its origin; else the latest and the one before."""
    prompt = get_prompt_for(request.user, prompt_id)
    latest = list(prompt.revisions.all()[:2])
    new = _chosen(request, "b", latest[0])
    old = _chosen(request, "a", latest[-1])
    context = {
        "prompt": prompt,
        "rights": rights_of(request.user, prompt),
        "old": old,
        "new": new,
        "fields": compare(old, new),
        "choices": _choices(prompt, old, new),
    }
    return render(request, "prompts/diff.html", context)


@require_GET
def lineage(request: HttpRequest, prompt_id: str) -> HttpResponse:
    prompt = get_prompt_for(request.user, prompt_id)
    root = lineage_of(request.user, prompt)
    context = {
        "prompt": prompt,
        "rights": rights_of(request.user, prompt),
        "drawing": draw(root, prompt.pk),
        "root": root,
    }
    return render(request, "prompts/lineage.html", context)


def _chosen(request: HttpRequest, name: str, otherwise: PromptRevision) -> PromptRevision:
    given = request.GET.get(name, "")
    return get_revision_for(request.user, given) if given else otherwise


def _choices(prompt: Prompt, *chosen: PromptRevision) -> list[tuple[str, str]]:
    """What can be compared: the latest revisions of this prompt, and what is being compared already."""
    own = prompt.revisions.only("id", "number", "note", "prompt_id")[: PAGE_SIZE * 4]
    found = {each.pk: f"Revision {each.number}{f': {each.note}' if each.note else ''}" for each in own}
    for each in chosen:
        found.setdefault(each.pk, f"{each.title}, revision {each.number}")
    return list(found.items())
