"""Follow a run: its answer as it comes."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase
from django.views.decorators.http import require_GET

from apps.generations.json_views import error_response
from apps.generations.sent_events import followed
from apps.prompts.runs import job_to_follow


@require_GET
async def events(request: HttpRequest, run_id: str) -> HttpResponseBase:
    stream = await followed(request, lambda user: job_to_follow(user, run_id))
    return stream or error_response(404, "not_found", "There is no such run for you.")
