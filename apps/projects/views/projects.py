"""The home page, the list of projects, a new one and its settings."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.errors import NotAllowed
from apps.accounts.firstrun import needs_setup
from apps.accounts.models import User
from apps.projects.access import get_membership_for, get_project_for
from apps.projects.actions.projects import (
    archive_project,
    change_project,
    create_project,
    delete_project,
    unarchive_project,
)
from apps.projects.forms import DeleteForm, ProjectForm
from apps.projects.models import Membership, Role
from apps.projects.recent import recent_project, remember

LIFE: dict[str, tuple[Callable[..., bool], str]] = {
    "archive": (archive_project, "{} is archived: it can be read, not changed."),
    "unarchive": (unarchive_project, "{} is out of the archive."),
}


@require_GET
def home(request: HttpRequest) -> HttpResponse:
    if isinstance(request.user, User):
        project = recent_project(request.user, request.session)
        return redirect("project", project.pk) if project else redirect("project_list")
    if needs_setup():
        return redirect("setup")
    return render(request, "home.html")


@login_required
@require_GET
def project_list(request: HttpRequest) -> HttpResponse:
    memberships = (
        Membership.objects.filter(user=signed_in_user(request))
        .select_related("project")
        .annotate(people=Count("project__memberships", filter=Q(project__memberships__user__is_active=True)))
        .order_by("project__name", "project_id")
    )
    current = [row for row in memberships if row.project.archived_at is None]
    archived = [row for row in memberships if row.project.archived_at]
    return render(request, "projects/list.html", {"memberships": current, "archived": archived})


@login_required
@require_http_methods(["GET", "POST"])
def project_new(request: HttpRequest) -> HttpResponse:
    form = ProjectForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        project = create_project(actor=signed_in_user(request), **form.cleaned_data)
        messages.success(request, f"{project} is ready. You are its owner.")
        return redirect("project", project.pk)
    return render(request, "projects/new.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "POST"])
def project_settings(request: HttpRequest, pid: str) -> HttpResponse:
    """Every member may look; owners may change."""
    user = signed_in_user(request)
    if request.method == "GET":
        return _settings(request, get_membership_for(user, pid))
    membership = get_membership_for(user, pid, Role.OWNER, writable=True)
    form = ProjectForm(request.POST)
    if not form.is_valid():
        return _settings(request, membership, form=form)
    if change_project(actor=user, project=membership.project, **form.cleaned_data):
        messages.success(request, "Saved.")
    return redirect("project_settings", pid)


@login_required
@require_POST
def project_life(request: HttpRequest, pid: str, change: str) -> HttpResponse:
    """Archive or unarchive."""
    action, done = LIFE[change]
    project = get_project_for(signed_in_user(request), pid, Role.OWNER)
    if action(actor=signed_in_user(request), project=project):
        messages.success(request, done.format(project))
    return redirect("project_settings", pid)


@login_required
@require_POST
def project_delete(request: HttpRequest, pid: str) -> HttpResponse:
    user = signed_in_user(request)
    membership = get_membership_for(user, pid, Role.OWNER)
    form = DeleteForm(request.POST)
    if form.is_valid():
        try:
            delete_project(actor=user, project=membership.project, **form.cleaned_data)
        except NotAllowed as refusal:
            form.add_error("typed_name", str(refusal))
        else:
            messages.success(request, f"{membership.project} and everything in it is deleted.")
            return redirect("project_list")
    return _settings(request, membership, delete_form=form)


def _settings(
    request: HttpRequest,
    membership: Membership,
    *,
    form: ProjectForm | None = None,
    delete_form: DeleteForm | None = None,
) -> HttpResponse:
    remember(request.session, membership.project)
    context = {
        "project": membership.project,
        "membership": membership,
        "is_owner": membership.role == Role.OWNER,
        "form": form or ProjectForm.of(membership.project),
        "delete_form": delete_form or DeleteForm(),
    }
    return render(request, "projects/settings.html", context, status=422 if form or delete_form else 200)
