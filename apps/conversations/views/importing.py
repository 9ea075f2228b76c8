"""Bring conversations along: the page, what a file has, and the import of what was chosen of it."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.conversations.actions.importing import import_conversations
from apps.conversations.already_here import Here, already_here
from apps.conversations.importing.parts import Found, UnreadableError
from apps.conversations.importing.reading import read_file
from apps.conversations.inputs import refused
from apps.generations.json_views import PersonRequest, json_view
from apps.projects.access import get_project_for
from apps.projects.models import Role


@require_GET
@login_required
def page(request: PersonRequest, pid: str) -> HttpResponse:
    project = get_project_for(request.user, pid, Role.EDITOR, writable=True)
    return render(request, "conversations/import.html", {"project": project, "most": settings.MAX_UPLOAD_MB})


@require_POST
@json_view
def preview(request: PersonRequest, pid: str) -> HttpResponseBase:
    """`{"conversations": […]}`: what the file has. Nothing of it is kept."""
    project = get_project_for(request.user, pid, Role.EDITOR, writable=True)
    found = _sent(request)
    here = already_here(project, found)
    return JsonResponse({"conversations": [_json(each, here.get(each.number)) for each in found]})


@require_POST
@json_view
def chosen(request: PersonRequest, pid: str) -> HttpResponseBase:
    """The file once more, with `numbers` of its conversations; `{"url"}` of where they are now."""
    project = get_project_for(request.user, pid, Role.EDITOR, writable=True)
    found = _chosen_of(_sent(request), request.POST.get("numbers", ""))
    made = import_conversations(actor=request.user, project=project, found=found)
    messages.success(request, "Imported." if len(made) == 1 else f"{len(made):,} conversations are imported.")
    alone = made[0].pk if len(made) == 1 else None
    url = reverse("conversation", args=[alone]) if alone else reverse("project", args=[project.pk])
    return JsonResponse({"url": url}, status=201)


def _sent(request: HttpRequest) -> list[Found]:
    """Raises Refused."""
    sent = request.FILES.get("file")
    if sent is None:
        raise refused("empty", "Choose a file first: none came with this.")
    if sent.size is None or sent.size > settings.MAX_UPLOAD_MB * 1_000_000:
        message = (
            f"The file is larger than {settings.MAX_UPLOAD_MB} MB. Split it, or ask who runs this site to allow more."
        )
        raise refused("too_large", message, status=413)
    try:
        return read_file(sent.read())
    except UnreadableError as problem:
        raise refused("unreadable", str(problem)) from None


def _chosen_of(found: list[Found], numbers: str) -> list[Found]:
    """Raises Refused where nothing was chosen, or what can't be imported."""
    wanted = set(numbers.split(","))
    chosen = [each for each in found if str(each.number) in wanted]
    if not chosen or len(chosen) != len(wanted):
        raise refused("invalid", "Choose at least one of the conversations in the file.")
    if wrong := next((each for each in chosen if each.problem), None):
        raise refused("unreadable", f"Number {wrong.number}, “{wrong.title}”, can't be imported. {wrong.problem}")
    return chosen


def _json(found: Found, here: Here | None) -> dict[str, Any]:
    return {
        "number": found.number,
        "title": found.title,
        "form": found.form,
        "messages": len(found.nodes),
        "branches": found.branches,
        "model": found.model,
        "at": found.at.isoformat() if found.at else None,
        "problem": found.problem,
        "here": here and {"url": reverse("conversation", args=[here.conversation]), "is_same": here.is_same},
    }
