"""Inviting to a project, and the page where somebody who was invited joins."""

from __future__ import annotations

from urllib.parse import urlencode

from allauth.account.adapter import get_adapter
from allauth.core import ratelimit
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.errors import NotAllowed
from apps.accounts.models import User
from apps.accounts.signup import allow_signup_in
from apps.projects.access import get_membership_for, get_project_for, role_of
from apps.projects.actions.invitations import accept_invitation, invite, revoke_invitation
from apps.projects.forms import InviteForm
from apps.projects.invitations import InvitationRefused, check_invitation, find_invitation, link_to
from apps.projects.models import Invitation, Role
from apps.projects.views.members import keep_link, members_page


@login_required
@require_POST
def project_invite(request: HttpRequest, pid: str) -> HttpResponse:
    user = signed_in_user(request)
    own = get_membership_for(user, pid, Role.OWNER, writable=True)
    too_many: HttpResponse | None = ratelimit.consume_or_429(request, action="project_invite", user=user)
    if too_many:
        return too_many
    form = InviteForm(request.POST)
    if not form.is_valid():
        return members_page(request, own, form)
    try:
        invitation, token = invite(actor=user, project=own.project, **form.cleaned_data)
    except NotAllowed as refusal:
        form.add_error(None, str(refusal))
        return members_page(request, own, form)
    _hand_over(request, invitation, user, link_to(token))
    return redirect("project_members", pid)


def _hand_over(request: HttpRequest, invitation: Invitation, inviter: User, link: str) -> None:
    """By mail where there is an address; in any case the inviter sees the link once, to pass on themselves."""
    keep_link(request, invitation.project, link, invitation.email)
    if invitation.email:
        context = {"invitation": invitation, "link": link, "inviter": inviter}
        get_adapter(request).send_mail("projects/email/invitation", invitation.email, context)


@login_required
@require_POST
def project_uninvite(request: HttpRequest, pid: str, invitation_id: str) -> HttpResponse:
    user = signed_in_user(request)
    project = get_project_for(user, pid, Role.OWNER)
    if revoke_invitation(actor=user, project=project, invitation_id=invitation_id.replace("\0", "")):
        messages.success(request, "The invitation is revoked; its link no longer works.")
    else:
        messages.info(request, "That invitation was already used, revoked or had expired.")
    return redirect("project_members", pid)


@never_cache
@require_http_methods(["GET", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """GET only shows, so that a mail program that opens links doesn't use the invitation up."""
    found = find_invitation(token)
    user = request.user
    if isinstance(user, User) and role_of(user, found.project):
        messages.info(request, f"You are a member of {found.project} already.")
        return redirect("project", found.project_id)
    try:
        check_invitation(found, user)
        if request.method == "POST" and isinstance(user, User):
            return _join(request, user, found)
    except InvitationRefused as refusal:
        return render(request, "projects/invitation_refused.html", {"reason": str(refusal)}, status=refusal.status)
    if isinstance(user, User):
        return render(request, "projects/invitation.html", {"invitation": found})
    allow_signup_in(request.session, email=found.email)
    next_page = urlencode({"next": request.path})
    urls = {name: f"{reverse(f'account_{name}')}?{next_page}" for name in ("login", "signup")}
    return render(request, "projects/invitation.html", {"invitation": found, **urls})


def _join(request: HttpRequest, user: User, found: Invitation) -> HttpResponse:
    membership = accept_invitation(actor=user, invitation=found)
    role = f"an {membership.role_name}" if membership.role > Role.VIEWER else "a viewer"
    messages.success(request, f"Welcome to {found.project}. You are {role}.")
    return redirect("project", found.project_id)
