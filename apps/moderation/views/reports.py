"""Reporting something, on a page of its own or in a dialog of the page that shows it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from apps.accounts.access import signed_in_user
from apps.accounts.errors import NotAllowed
from apps.moderation.access import get_thing_for
from apps.moderation.actions.reports import report_thing
from apps.moderation.forms import ReportForm
from apps.moderation.kinds import KindOfThing
from apps.moderation.limits import TooMany

THANKS = "Thank you. A moderator will look at it, and you will find a notice here."


@login_required
@require_http_methods(["GET", "POST"])
def report(request: HttpRequest, kind: str, thing_id: str) -> HttpResponse:
    """The dialog asks for the same page and takes the form out of it; it wants JSON for an answer when all is well."""
    user = signed_in_user(request)
    about, thing = get_thing_for(user, kind, thing_id)
    form = ReportForm(request.POST if request.method == "POST" else None)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                report_thing(actor=user, kind=kind, thing_id=thing_id, about=about, thing=thing, **form.cleaned_data)
                return _thanks(request, _back(about, thing))
            except NotAllowed as refusal:
                form.add_error(None, str(refusal))
                status = 429 if isinstance(refusal, TooMany) else 409
    shown = about.describe(thing) if about.shown_to_reporter else None
    context = {"form": form, "noun": about.noun, "shown": shown, "back": _back(about, thing)}
    return render(request, "moderation/report.html", context, status=status)


def _back(about: KindOfThing, thing: Any) -> str:
    return about.url(thing) if about.shown_to_reporter else reverse("notices")


def _thanks(request: HttpRequest, back: str) -> HttpResponse:
    if request.headers.get("Accept") == "application/json":
        return JsonResponse({"text": THANKS})
    messages.success(request, THANKS)
    return redirect(back)
