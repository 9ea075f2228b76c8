"""The receipt of a result, as a page and as JSON."""

from __future__ import annotations

import json

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from apps.accounts.access import signed_in_user
from apps.generations.access import get_job_for
from apps.generations.json_views import PersonRequest, json_view
from apps.generations.models import Kind, State
from apps.generations.receipt_json import receipt_json
from apps.projects.access import role_of
from apps.projects.models import Role


@login_required
@require_GET
def page(request: HttpRequest, jid: str) -> HttpResponse:
    user = signed_in_user(request)
    job = get_job_for(user, jid)
    role, receipt = role_of(user, job.project), receipt_json(user, job)
    may_ask = role is not None and role >= Role.EDITOR and not job.project.archived_at
    context = {
        "job": job,
        "receipt": receipt,
        "as_text": json.dumps(receipt, indent=2, ensure_ascii=False),
        "can_reproduce": may_ask and job.state == State.SUCCEEDED,
        "can_stop": role is not None and role >= Role.EDITOR,
        "family": job.model_version.image_facts.get("family", "") if job.kind == Kind.IMAGE else "text",
    }
    return render(request, "generations/receipt.html", context)


@require_GET
@json_view
def as_json(request: PersonRequest, jid: str) -> HttpResponseBase:
    response = JsonResponse(receipt_json(request.user, get_job_for(request.user, jid)))
    response["Cache-Control"] = "private, no-store"
    return response
