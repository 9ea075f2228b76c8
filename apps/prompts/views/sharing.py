"""Who may see, run and fork a prompt, and links that show it to whoever has them."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods

from apps.generations.json_views import PersonRequest
from apps.moderation.limits import check_rate
from apps.projects.access import writable_projects_of
from apps.prompts import actions
from apps.prompts.access import HIDDEN, get_prompt_for, get_revision, rights_of
from apps.prompts.models import Audience, Prompt
from apps.prompts.shared import KIND, get_link_to, get_shared_prompt
from apps.prompts.views.changes import button
from apps.prompts.views.editor import errors_of
from apps.prompts.views.forms import audience_in, project_in
from apps.sharing.access import open_link
from apps.sharing.actions import create_link, revoke_link
from apps.sharing.models import ShareLink

DAYS = (1, 7, 30, 365)


@require_http_methods(["GET", "POST"])
@login_required
def sharing(request: PersonRequest, prompt_id: str) -> HttpResponse:
    prompt = get_prompt_for(request.user, prompt_id, manage=True)
    if request.method == "GET":
        return _page(request, prompt)
    try:
        actions.set_audience(
            actor=request.user,
            prompt=prompt,
            visibility=audience_in(request.POST, "visibility"),
            run=audience_in(request.POST, "run"),
            fork=audience_in(request.POST, "fork"),
            project=prompt.project if _unmoved(request, prompt) else project_in(request.user, request.POST),
        )
    except ValidationError as refused:
        return _page(request, prompt, refused=refused)
    messages.success(request, "Saved.")
    return redirect("prompt_sharing", prompt.pk)


@button
def new_link(request: PersonRequest, prompt_id: str) -> HttpResponse:
    """The address is shown once, on the page that comes back."""
    prompt = get_prompt_for(request.user, prompt_id, manage=True)
    if prompt.is_hidden:
        raise PermissionDenied(HIDDEN)
    days = request.POST.get("days", "")
    if days not in map(str, DAYS):
        raise ValidationError("Choose how long the link works.")
    check_rate(request.user, "share.create")
    _, token = create_link(
        actor=request.user,
        kind=KIND,
        target_id=prompt.pk,
        label=prompt.title,
        project=prompt.project,
        expires_at=timezone.now() + timedelta(days=int(days)),
    )
    return _page(request, prompt, address=settings.SITE_URL + reverse("shared_prompt", args=[token]))


@button
def drop_link(request: PersonRequest, prompt_id: str, link_id: str) -> HttpResponse:
    prompt = get_prompt_for(request.user, prompt_id, manage=True)
    revoke_link(actor=request.user, link=get_link_to(prompt, link_id))
    messages.success(request, "The link opens nothing any more.")
    return redirect("prompt_sharing", prompt.pk)


@require_GET
def shared(request: HttpRequest, token: str) -> HttpResponse:
    """The prompt behind a link, to read: no account needed."""
    prompt = get_shared_prompt(open_link(token, KIND, count=True))
    context = {"prompt": prompt, "revision": get_revision(prompt)}
    response = render(request, "prompts/shared.html", context)
    response.headers["X-Robots-Tag"] = "noindex, nofollow"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response


def _unmoved(request: PersonRequest, prompt: Prompt) -> bool:
    return request.POST.get("project", "") == (prompt.project_id or "")


def _page(
    request: PersonRequest, prompt: Prompt, *, refused: ValidationError | None = None, address: str = ""
) -> HttpResponse:
    projects = writable_projects_of(request.user)
    if prompt.project and prompt.project not in projects:
        projects.append(prompt.project)
    context = {
        "prompt": prompt,
        "rights": rights_of(request.user, prompt),
        "audiences": Audience.choices,
        "projects": projects,
        "links": ShareLink.objects.live().to(KIND, prompt.pk).select_related("created_by"),
        "days": DAYS,
        "address": address,
        "errors": errors_of(refused) if refused else {},
    }
    return render(request, "prompts/sharing.html", context, status=422 if refused else 200)
