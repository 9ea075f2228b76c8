"""One's own account: who one is, how one signs in, taking one's data along, leaving."""

from __future__ import annotations

from allauth.account.internal.flows.email_verification import send_verification_email_to_address
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.socialaccount.models import SocialAccount
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.access import asks_again, signed_in_user
from apps.accounts.actions.profile import complete_account, delete_account, export_account, rename_person
from apps.accounts.deletion import why_not
from apps.accounts.errors import NotAllowed
from apps.accounts.forms.own_account import CompleteForm, DeleteAccountForm, ProfileForm
from apps.accounts.models import User


@login_required
@require_http_methods(["GET", "POST"])
def profile(request: HttpRequest) -> HttpResponse:
    person = signed_in_user(request)
    if not person.can_sign_in_again():
        return redirect("complete_account")
    form = ProfileForm(request.POST or None, instance=User.objects.get(pk=person.pk))
    if request.method == "POST" and form.is_valid():
        rename_person(person=person, display_name=form.cleaned_data["display_name"])
        messages.success(request, "Your name is saved.")
        return redirect("profile")
    return render(request, "accounts/profile.html", {"form": form, "summary": _summary(person)})


def _summary(person: User) -> dict[str, object]:
    kinds = set(Authenticator.objects.filter(user=person).values_list("type", flat=True))
    return {
        "verified": EmailAddress.objects.filter(user=person, email=person.email, verified=True).exists(),
        "has_password": person.has_usable_password(),
        "totp": Authenticator.Type.TOTP in kinds,
        "passkeys": Authenticator.objects.filter(user=person, type=Authenticator.Type.WEBAUTHN).count(),
        "sessions": UserSession.objects.filter(user=person).count(),
        "connections": SocialAccount.objects.filter(user=person).count(),
        "providers": bool(settings.SOCIALACCOUNT_PROVIDERS),
    }


@sensitive_post_parameters("password")
@login_required
@require_http_methods(["GET", "POST"])
def complete(request: HttpRequest) -> HttpResponse:
    """For someone who came by a one-time link and has no way to come back yet."""
    person = signed_in_user(request)
    if person.can_sign_in_again():
        return redirect("profile")
    email = "" if person.email.endswith(".local") else person.email
    first = {"email": email, "display_name": person.display_name}
    form = CompleteForm(request.POST or None, person=person, initial=first)
    if request.method == "POST" and form.is_valid():
        complete_account(person=person, **form.cleaned_data)
        update_session_auth_hash(request, person)
        UserSession.objects.create_from_request(request)
        if settings.ACCOUNT_EMAIL_VERIFICATION != "none":
            send_verification_email_to_address(request, EmailAddress.objects.get_primary(person))
        messages.success(request, "Your account is complete. From now on sign in with your email and password.")
        return redirect("home")
    return render(request, "accounts/complete.html", {"form": form})


@login_required
@require_POST
@asks_again
def export(request: HttpRequest) -> HttpResponse:
    name = f"atrium-{timezone.now():%Y-%m-%d}.zip"
    archive = export_account(person=signed_in_user(request))
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return HttpResponse(archive, content_type="application/zip", headers=headers)


@login_required
@require_http_methods(["GET", "POST"])
@asks_again
def delete(request: HttpRequest) -> HttpResponse:
    person = signed_in_user(request)
    form = DeleteAccountForm(request.POST or None, person=person)
    if request.method == "POST" and form.is_valid():
        try:
            delete_account(person=person)
        except NotAllowed as refusal:
            messages.error(request, str(refusal))
            return redirect("account_delete")
        logout(request)
        messages.success(request, "Your account is deleted.")
        return redirect("home")
    return render(request, "accounts/delete.html", {"form": form, "reasons": _reasons(person)})


def _reasons(person: User) -> list[str]:
    with transaction.atomic():
        return why_not(person)
