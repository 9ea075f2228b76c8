"""Run a prompt here: start a generation, rate its answer."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpResponseBase, JsonResponse
from django.views.decorators.http import require_GET, require_POST

from apps.generations.json_views import PersonRequest, body_of, json_view
from apps.generations.pickers import picks
from apps.projects.access import get_project_for
from apps.projects.models import Role
from apps.prompts.access import get_prompt_for, get_revision
from apps.prompts.actions import rate_run
from apps.prompts.actions.running import run_prompt
from apps.prompts.runs import get_run_for, run_json


@require_GET
@json_view
def models(request: PersonRequest) -> HttpResponseBase:
    """`{"models": […]}`: what can be asked for in `?project=`."""
    project = get_project_for(request.user, request.GET.get("project", ""))
    return JsonResponse({"models": [pick for _, pick in picks(request.user, project)]})


@require_POST
@json_view
def run(request: PersonRequest, prompt_id: str) -> HttpResponseBase:
    """From `{"revision", "project", "model", "values"}`; 201 with where to follow, stop and rate it."""
    data = body_of(request)
    prompt = get_prompt_for(request.user, prompt_id, run=True)
    revision = get_revision(prompt, data.get("revision"))
    project = get_project_for(request.user, _text(data, "project"), Role.EDITOR, writable=True)
    values = data.get("values")
    if not isinstance(values, dict):
        raise ValidationError("“values” must be an object.")
    started = run_prompt(
        actor=request.user, revision=revision, project=project, model_id=_text(data, "model"), values=values
    )
    return JsonResponse(run_json(started), status=201)


@require_POST
@json_view
def rate(request: PersonRequest, run_id: str) -> HttpResponseBase:
    """`{"rating": 1…5}`, or null to take it back. Whoever may no longer run the prompt has no voice about it."""
    found = get_run_for(request.user, run_id)
    get_prompt_for(request.user, found.revision.prompt_id, run=True)
    rate_run(actor=request.user, run=found, rating=body_of(request).get("rating"))
    return JsonResponse({"run": found.pk, "rating": found.rating})


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or "\x00" in value or len(value) > settings.MAX_PROMPT_CHARS:
        raise ValidationError(f"“{name}” must be text.")
    return value
