"""The members of a project: roles, removal, leaving, handing over."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.projects.access import get_membership_for, get_project_for
from apps.projects.actions.members import change_role, leave_project, remove_member, transfer_ownership
from apps.projects.forms import InviteForm, RoleForm
from apps.projects.models import Invitation, Membership, Project, Role
from apps.projects.recent import remember

LINK_KEY = "new_project_invitation"


@login_required
@require_GET
def project_members(request: HttpRequest, pid: str) -> HttpResponse:
    return members_page(request, get_membership_for(signed_in_user(request), pid))


def members_page(request: HttpRequest, own: Membership, form: InviteForm | None = None) -> HttpResponse:
    """Every member sees who is in the project; owners also see forms and the open invitations."""
    is_owner = own.role == Role.OWNER
    remember(request.session, own.project)
    members = own.project.memberships.select_related("user")
    context: dict[str, Any] = {
        "project": own.project,
        "membership": own,
        "is_owner": is_owner,
        "members": members.order_by("-role", "user__display_name", "user__email"),
        "roles": Role.choices,
        "form": form or InviteForm(),
    }
    if is_owner:
        context["invitations"] = Invitation.objects.filter(project=own.project).open().select_related("created_by")
        context["new_link"] = _new_link(request, own.project)
    return render(request, "projects/members.html", context, status=422 if form else 200)


def keep_link(request: HttpRequest, project: Project, link: str, email: str) -> None:
    """For the next look at the members page, once: the database has only a hash of the token."""
    request.session[LINK_KEY] = {"project": project.pk, "link": link, "email": email}


def _new_link(request: HttpRequest, project: Project) -> dict[str, str] | None:
    kept: dict[str, str] | None = request.session.get(LINK_KEY)
    if kept is None or kept["project"] != project.pk or not kept["link"].startswith(settings.SITE_URL):
        return None
    del request.session[LINK_KEY]
    return kept


@login_required
@require_POST
def member_role(request: HttpRequest, pid: str, uid: str) -> HttpResponse:
    project, person = _member(request, pid, uid)
    form = RoleForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Choose one of the roles viewer, editor and owner.")
        return redirect("project_members", pid)
    role: Role = form.cleaned_data["role"]
    try:
        if change_role(actor=signed_in_user(request), project=project, person=person, role=role):
            messages.success(request, f"The role of {person} is {role.label.lower()} now.")
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    return redirect("project_members", pid)


@login_required
@require_POST
def member_remove(request: HttpRequest, pid: str, uid: str) -> HttpResponse:
    project, person = _member(request, pid, uid)
    try:
        remove_member(actor=signed_in_user(request), project=project, person=person)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect("project_members", pid)
    messages.success(request, f"{person} is no longer a member of {project}.")
    return redirect("project_list") if person == request.user else redirect("project_members", pid)


@login_required
@require_POST
def member_transfer(request: HttpRequest, pid: str, uid: str) -> HttpResponse:
    project, person = _member(request, pid, uid)
    try:
        transfer_ownership(actor=signed_in_user(request), project=project, person=person)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{person} owns {project} now; you are an editor.")
    return redirect("project_members", pid)


@login_required
@require_POST
def project_leave(request: HttpRequest, pid: str) -> HttpResponse:
    user = signed_in_user(request)
    project = get_project_for(user, pid)
    try:
        leave_project(actor=user, project=project)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
        return redirect("project_members", pid)
    messages.success(request, f"You left {project}.")
    return redirect("project_list")


def _member(request: HttpRequest, pid: str, uid: str) -> tuple[Project, User]:
    """The project, where the reader owns it, and one of its members."""
    project = get_project_for(signed_in_user(request), pid, Role.OWNER)
    membership = project.memberships.select_related("user").filter(user_id=uid.replace("\0", "")).first()
    if membership is None:
        raise Http404("There is no such member.")
    return project, membership.user
