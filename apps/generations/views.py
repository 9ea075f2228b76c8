"""Stop a generation over HTTP."""

from __future__ import annotations

from django.http import HttpResponseBase, JsonResponse
from django.views.decorators.http import require_POST

from apps.generations.access import get_job_for
from apps.generations.actions import request_cancel
from apps.generations.json_views import PersonRequest, json_view
from apps.projects.models import Role


@require_POST
@json_view
def cancel(request: PersonRequest, jid: str) -> HttpResponseBase:
    """202, also for a job that has ended already: stopping twice is no mistake."""
    job = get_job_for(request.user, jid, Role.EDITOR)
    stopped = request_cancel(actor=request.user, job=job)
    return JsonResponse({"job": job.pk, "stopped": stopped}, status=202)
