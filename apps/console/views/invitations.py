"""Invitations to sign up."""

from __future__ import annotations

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import get_invitation, signed_in_user
from apps.accounts.actions.invitations import invite_to_sign_up, revoke_invitation
from apps.accounts.forms.console import InviteForm
from apps.accounts.models import SignUpInvitation, SiteSettings
from apps.accounts.powers import Power, power_required
from apps.console.pages import page, table_page
from apps.console.tables_of.invitations import INVITATIONS

LINK_KEY = "new_invitation_link"
TEMPLATE = "console/invitations/list.html"


@power_required(Power.SEE)
@require_GET
def console_invitations(request: HttpRequest) -> HttpResponseBase:
    extra = {
        "form": InviteForm(),
        "mode": SiteSettings.current().sign_up,
        "new_link": request.session.pop(LINK_KEY, ""),
    }
    return table_page(request, TEMPLATE, INVITATIONS, _invitations(), **extra)


@power_required(Power.ADMINISTER)
@require_POST
def invite(request: HttpRequest) -> HttpResponse:
    form = InviteForm(request.POST)
    if not form.is_valid():
        shown = INVITATIONS.shown(_invitations(), request.GET)
        extra = {"form": form, "mode": SiteSettings.current().sign_up}
        return page(request, TEMPLATE, status=422, shown=shown, **extra)
    actor = signed_in_user(request)
    invitation, token = invite_to_sign_up(actor=actor, **form.cleaned_data)
    link = settings.SITE_URL + reverse("sign_up_invitation", args=[token])
    request.session[LINK_KEY] = link
    if invitation.email:
        context = {"invitation": invitation, "link": link, "inviter": actor}
        get_adapter(request).send_mail("accounts/email/invitation", invitation.email, context)
    return redirect("console_invitations")


@power_required(Power.ADMINISTER)
@require_POST
def uninvite(request: HttpRequest, invitation_id: str) -> HttpResponse:
    if revoke_invitation(actor=signed_in_user(request), invitation=get_invitation(invitation_id)):
        messages.success(request, "The invitation is revoked; its link no longer works.")
    else:
        messages.info(request, "That invitation was already used or had expired.")
    return redirect("console_invitations")


def _invitations() -> QuerySet[SignUpInvitation]:
    return SignUpInvitation.objects.select_related("created_by", "accepted_by")
