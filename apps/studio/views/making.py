"""Ask for pictures, and what they would take."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import ValidationError
from django.http import HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from apps.conversations.inputs import client_id_in
from apps.generations.artifact_access import get_artifact_for
from apps.generations.errors import Refused
from apps.generations.image_params import MAX_COUNT
from apps.generations.json_views import PersonRequest, body_of, json_view, wants_json
from apps.generations.models import GenerationJob
from apps.projects.access import get_project_for
from apps.projects.models import Role
from apps.studio.actions.making import quote_pictures, submit_pictures, vary_picture
from apps.studio.cards import cards
from apps.studio.inputs import count_in, params_in
from apps.studio.page_state import models_json


@require_POST
@json_view
def submit(request: PersonRequest, pid: str) -> HttpResponseBase:
    """`{"client_id", "model", "params", "count"}`. The same `client_id` again gives the same jobs, with status 200."""
    data = body_of(request)
    project = get_project_for(request.user, pid, Role.EDITOR, writable=True)
    jobs, are_new = submit_pictures(
        actor=request.user,
        project=project,
        client_id=client_id_in(data),
        model_id=data.get("model"),
        params=params_in(data),
        count=count_in(data, MAX_COUNT),
    )
    return JsonResponse(_made(jobs), status=201 if are_new else 200)


@require_POST
@json_view
def quote(request: PersonRequest, pid: str) -> HttpResponseBase:
    """What it would take. Changes nothing."""
    data = body_of(request)
    project = get_project_for(request.user, pid, Role.EDITOR)
    found = quote_pictures(
        actor=request.user,
        project=project,
        model_id=data.get("model"),
        params=params_in(data),
        count=count_in(data, MAX_COUNT),
    )
    return JsonResponse({"quote": found._asdict()})


@require_GET
@json_view
def models(request: PersonRequest, pid: str) -> HttpResponseBase:
    """The models to choose from as it is now: somebody may have been given access since the page was opened."""
    project = get_project_for(request.user, pid)
    return JsonResponse({"models": models_json(request.user, project)})


@require_POST
def vary(request: PersonRequest, aid: str) -> HttpResponseBase:
    """JSON for scripts; for forms a redirect to the studio, where they are made."""
    return _vary_json(request, aid) if wants_json(request) else _vary_form(request, aid)


@json_view
def _vary_json(request: PersonRequest, aid: str) -> HttpResponseBase:
    picture = get_artifact_for(request.user, aid, Role.EDITOR, writable=True)
    return JsonResponse(_made(vary_picture(actor=request.user, picture=picture)), status=201)


@login_required
def _vary_form(request: PersonRequest, aid: str) -> HttpResponseBase:
    picture = get_artifact_for(request.user, aid, Role.EDITOR, writable=True)
    try:
        jobs = vary_picture(actor=request.user, picture=picture)
    except (Refused, ValidationError) as refusal:
        messages.error(request, refusal.messages[0] if isinstance(refusal, ValidationError) else refusal.message)
        return redirect("picture", picture.pk)
    messages.success(request, f"{len(jobs)} variations are on their way.")
    return redirect("studio", picture.project_id)


def _made(jobs: list[GenerationJob]) -> dict[str, Any]:
    """`warnings` are for whoever asked, so they are not among what everybody in the studio is told."""
    warnings = dict.fromkeys(text for job in jobs for text in job.quota_warnings)
    return {"jobs": cards(jobs), "warnings": list(warnings)}
