"""Stop a generation over HTTP."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from apps.generations.access import get_job_for
from apps.generations.actions import request_cancel
from apps.projects.models import Role


@require_POST
def cancel(request: HttpRequest, jid: str) -> JsonResponse:
    """202, also for a job that has ended already: stopping twice is no mistake."""
    if not request.user.is_authenticated:
        return _error(401, "signed_out", "You are signed out. Sign in again to stop this answer.")
    try:
        job = get_job_for(request.user, jid, Role.EDITOR)
    except Http404:
        return _error(404, "not_found", "There is no such answer for you.")
    except PermissionDenied as denied:
        return _error(403, "forbidden", str(denied))
    stopped = request_cancel(actor=request.user, job=job)
    return JsonResponse({"job": job.pk, "stopped": stopped}, status=202)


def _error(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"error": {"code": code, "message": message}}, status=status)
