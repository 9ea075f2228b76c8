"""Stop a generation, see how far it is and how a picture looks by now, make a result again."""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.models import User
from apps.generations.access import get_job_for
from apps.generations.actions import request_cancel
from apps.generations.events import without_words
from apps.generations.json_views import (
    PersonRequest,
    asks_for_page,
    error_response,
    json_view,
    open_json_view,
    wants_json,
)
from apps.generations.log import newest_preview
from apps.generations.models import Kind
from apps.generations.reproducing import expected_tokens
from apps.generations.reproducing import reproduce as make_again
from apps.generations.sent_events import followed
from apps.lib.redis import AWAY, sync_client
from apps.projects.models import Role


@require_POST
@json_view
def cancel(request: PersonRequest, jid: str) -> HttpResponseBase:
    """202, also for a job that has ended already: stopping twice is no mistake. A form goes to the receipt."""
    job = get_job_for(request.user, jid, Role.EDITOR)
    stopped = request_cancel(actor=request.user, job=job)
    if asks_for_page(request):
        return redirect("job_receipt", job.pk)
    return JsonResponse({"job": job.pk, "stopped": stopped}, status=202)


@require_GET
async def events(request: HttpRequest, jid: str) -> HttpResponseBase:
    """How far it is, for everybody in the project, and nothing of what a text says."""
    tokens = 0

    def visible(user: User) -> str | None:
        nonlocal tokens
        try:
            job = get_job_for(user, jid)
        except (Http404, PermissionDenied):
            return None
        tokens = tokens or (expected_tokens(job) if job.kind == Kind.TEXT else 0)
        return job.pk

    stream = await followed(request, visible, lambda event: without_words(event, tokens))
    return stream or error_response(404, "not_found", "There is no such job for you.")


@require_GET
@open_json_view
def preview(request: HttpRequest, jid: str) -> HttpResponseBase:
    """The newest one, whichever was asked for: the number in the address only tells browsers that there is a new one.
    Nobody may keep it."""
    job = get_job_for(request.user, jid)
    try:
        webp = newest_preview(sync_client(), job.pk)
    except AWAY:
        webp = None
    if webp is None or job.is_terminal:
        return error_response(404, "not_found", "There is no preview of this.")
    return HttpResponse(webp, content_type="image/webp", headers={"Cache-Control": "private, no-store"})


@require_POST
@json_view
def reproduce(request: PersonRequest, jid: str) -> HttpResponseBase:
    """A script gets the new job, a form goes to its receipt, where the verdict will be."""
    again = make_again(actor=request.user, job=get_job_for(request.user, jid, Role.EDITOR))
    if wants_json(request):
        receipt = reverse("job_receipt", args=[again.pk])
        return JsonResponse({"job": again.pk, "receipt": receipt}, status=202)
    return redirect("job_receipt", again.pk)
