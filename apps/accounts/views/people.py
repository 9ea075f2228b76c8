"""The console's list of people and of invitations to sign up."""

from __future__ import annotations

from collections.abc import Callable

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import admin_required, asks_again, get_invitation, get_person, people, signed_in_user
from apps.accounts.actions.invitations import invite_to_sign_up, revoke_invitation
from apps.accounts.actions.people import deactivate, make_admin, reactivate, unmake_admin
from apps.accounts.errors import NotAllowed
from apps.accounts.forms.console import InviteForm
from apps.accounts.models import SignUpInvitation, SiteSettings

PER_PAGE = 50
LINK_KEY = "new_invitation_link"
CHANGES: dict[str, tuple[Callable[..., None], str]] = {
    "deactivate": (deactivate, "{} is deactivated and signed out everywhere."),
    "reactivate": (reactivate, "{} may sign in again."),
    "make-admin": (make_admin, "{} is an administrator now."),
    "unmake-admin": (unmake_admin, "{} is no longer an administrator."),
}


@admin_required
@require_GET
def console_people(request: HttpRequest) -> HttpResponse:
    return _page(request, InviteForm())


def _page(request: HttpRequest, form: InviteForm, *, status: int = 200) -> HttpResponse:
    query = request.GET.get("q", "").replace("\0", "").strip()[:254]
    found = people().filter(Q(email__icontains=query) | Q(display_name__icontains=query)) if query else people()
    page = Paginator(found, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "page": page,
        "query": query,
        "form": form,
        "invitations": SignUpInvitation.objects.valid().select_related("created_by")[:100],
        "new_link": request.session.pop(LINK_KEY, ""),
        "mode": SiteSettings.current().sign_up,
    }
    return render(request, "accounts/console_people.html", context, status=status)


@admin_required
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    form = InviteForm(request.POST)
    if not form.is_valid():
        return _page(request, form, status=422)
    actor = signed_in_user(request)
    invitation, token = invite_to_sign_up(actor=actor, **form.cleaned_data)
    link = settings.SITE_URL + reverse("sign_up_invitation", args=[token])
    request.session[LINK_KEY] = link
    if invitation.email:
        context = {"invitation": invitation, "link": link, "inviter": actor}
        get_adapter(request).send_mail("accounts/email/invitation", invitation.email, context)
    return redirect("console_people")


@admin_required
@require_POST
def uninvite(request: HttpRequest, invitation_id: str) -> HttpResponse:
    if revoke_invitation(actor=signed_in_user(request), invitation=get_invitation(invitation_id)):
        messages.success(request, "The invitation is revoked; its link no longer works.")
    else:
        messages.info(request, "That invitation was already used or had expired.")
    return redirect("console_people")


@admin_required
@require_POST
@asks_again
def change_person(request: HttpRequest, person_id: str, change: str) -> HttpResponse:
    action, done = CHANGES[change]
    person = get_person(person_id)
    try:
        action(actor=signed_in_user(request), person=person)
    except NotAllowed as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, done.format(person))
    return redirect("console_people")
