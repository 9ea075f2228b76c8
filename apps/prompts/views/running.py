"""Run a prompt here: start a generation, follow it, rate its answer."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponseBase, JsonResponse, StreamingHttpResponse
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.models import User
from apps.generations.stream import follow
from apps.governance.pickers import picks
from apps.lib.database import in_thread
from apps.lib.ids import is_id
from apps.projects.access import get_project_for
from apps.projects.models import Role
from apps.prompts.access import get_prompt_for, get_revision, get_run_for
from apps.prompts.actions import rate_run
from apps.prompts.actions.running import run_prompt
from apps.prompts.models import PromptRun
from apps.prompts.views.json_views import PersonRequest, body_of, error, json_view, signed_in

RECHECK_SECONDS = 2.0


@require_GET
@json_view
@signed_in
def models(request: PersonRequest) -> HttpResponseBase:
    """`{"models": […]}`: what can be asked for in `?project=`."""
    project = get_project_for(request.user, request.GET.get("project", ""))
    return JsonResponse({"models": [pick for _, pick in picks(request.user, project)]})


@require_POST
@json_view
@signed_in
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
    return JsonResponse({"run": started.pk, "urls": _urls(started)}, status=201)


@require_POST
@json_view
@signed_in
def rate(request: PersonRequest, run_id: str) -> HttpResponseBase:
    """`{"rating": 1…5}`, or null to take it back."""
    found = get_run_for(request.user, run_id)
    rate_run(actor=request.user, run=found, rating=body_of(request).get("rating"))
    return JsonResponse({"run": found.pk, "rating": found.rating})


@require_GET
async def events(request: HttpRequest, run_id: str) -> HttpResponseBase:
    """The answer as it comes, as server-sent events; a browser that comes back says where it was."""
    user = await request.auser()
    if not isinstance(user, User) or (job_id := await in_thread(_job_of, user, run_id)) is None:
        return error(404, "not_found", "There is no such run for you.")
    attempt, seq = _position(request.headers.get("Last-Event-ID", ""))
    response = StreamingHttpResponse(_sent(user, run_id, job_id, attempt, seq), content_type="text/event-stream")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


async def _sent(user: User, run_id: str, job_id: str, attempt: int, seq: int) -> AsyncIterator[bytes]:
    """Ends early for somebody who was deactivated meanwhile."""
    checked = time.monotonic()
    async for message in follow(job_id, attempt=attempt, seq=seq):
        if time.monotonic() - checked > RECHECK_SECONDS:
            if await in_thread(_job_of, user, run_id) != job_id:
                return
            checked = time.monotonic()
        place = f"id: {message['attempt']}:{message.get('seq', 0)}\n"
        yield f"{place}data: {json.dumps(message['event'], separators=(',', ':'))}\n\n".encode()


def _job_of(user: User, run_id: str) -> str | None:
    if not is_id(run_id):
        return None
    rows = PromptRun.objects.filter(pk=run_id, user=user, user__is_active=True)
    return rows.values_list("job", flat=True).first()


def _position(text: str) -> tuple[int, int]:
    """The attempt and the number of the last event that a browser has seen."""
    attempt, _, seq = text.partition(":")
    known = attempt.isdecimal() and seq.isdecimal() and len(text) < 20
    return (int(attempt), int(seq)) if known else (0, 0)


def _urls(started: PromptRun) -> dict[str, str]:
    return {
        "events": reverse("prompt_run_events", args=[started.pk]),
        "rate": reverse("prompt_run_rate", args=[started.pk]),
        "cancel": reverse("job_cancel", args=[started.job_id]),
    }


def _text(data: dict[str, Any], name: str) -> str:
    value = data.get(name)
    if not isinstance(value, str) or "\x00" in value or len(value) > settings.MAX_PROMPT_CHARS:
        raise ValidationError(f"“{name}” must be text.")
    return value
