"""The first administrator, one-time sign-in links and invitations to sign up."""

from __future__ import annotations

from allauth.account.internal.flows.login import perform_login, record_authentication
from allauth.account.models import Login
from allauth.core import ratelimit
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods

from apps.accounts.actions.arrivals import set_up_site, use_sign_in_link
from apps.accounts.adapter import VERIFIED_EMAIL_KEY, refuse_sign_up
from apps.accounts.errors import NotAllowed
from apps.accounts.firstrun import needs_setup
from apps.accounts.forms.own_account import SetupForm
from apps.accounts.models import SignInLink, SignUpInvitation, User
from apps.accounts.signup import BY_INVITATION, allow_signup_in
from apps.lib.ids import hash_token


@sensitive_post_parameters("password", "code")
@never_cache
@require_http_methods(["GET", "POST"])
def setup(request: HttpRequest) -> HttpResponse:
    if not needs_setup():
        raise Http404
    form = SetupForm(request.POST or None)
    if request.method == "POST":
        if not ratelimit.consume(request, action="setup", key="setup"):
            return _too_many(request)
        if form.is_valid() and (person := _set_up(form)):
            return _sign_in(request, person, "setup", reverse("home"))
    return render(request, "accounts/setup.html", {"form": form})


def _set_up(form: SetupForm) -> User | None:
    try:
        return set_up_site(**form.cleaned_data)
    except NotAllowed as refusal:
        form.add_error("code", str(refusal))
        return None


def _too_many(request: HttpRequest) -> HttpResponse:
    response: HttpResponse = ratelimit.respond_429(request)
    return response


@never_cache
@require_http_methods(["GET", "POST"])
def sign_in_link(request: HttpRequest, token: str) -> HttpResponse:
    """GET only asks, so that a mail program that opens links for a preview doesn't use the link up."""
    found = SignInLink.objects.valid().select_related("user").filter(token_hash=hash_token(token)).first()
    if found is None or not found.user.is_active:
        return render(request, "accounts/sign_in_link_spent.html", status=410)
    if request.method == "GET":
        return render(request, "accounts/sign_in_link.html", {"person": found.user})
    person = use_sign_in_link(token=token)
    if person is None:
        return render(request, "accounts/sign_in_link_spent.html", status=410)
    return _sign_in(request, person, "link", None)


def _sign_in(request: HttpRequest, person: User, method: str, leads_to: str | None) -> HttpResponse:
    """In place of a password; a second factor is still asked of whoever has one."""
    record_authentication(request, person, method)
    response: HttpResponse = perform_login(request, Login(person, email_verification="none", redirect_url=leads_to))
    return response


@never_cache
@require_GET
def sign_up_invitation(request: HttpRequest, token: str) -> HttpResponse:
    invitation = SignUpInvitation.objects.valid().filter(token_hash=hash_token(token)).first()
    if invitation is None:
        return refuse_sign_up(request, BY_INVITATION)
    if request.user.is_authenticated:
        messages.info(request, "You already have an account here, so the invitation was not used.")
        return redirect("home")
    allow_signup_in(request.session, email=invitation.email, invitation=invitation.pk)
    if invitation.email:
        request.session[VERIFIED_EMAIL_KEY] = invitation.email
    return redirect("account_signup")
