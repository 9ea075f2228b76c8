"""What a person is told, and their appeal against a decision."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.errors import NotAllowed
from apps.moderation.access import get_decision_for, get_notice_for, notices_of
from apps.moderation.actions.appeals import appeal as make_appeal
from apps.moderation.actions.appeals import why_no_appeal
from apps.moderation.actions.notices import dismiss, dismiss_all, mark_read
from apps.moderation.forms import AppealForm
from apps.moderation.models import Notice
from apps.moderation.outcomes import TO_AUTHOR, Outcome, can_be_taken_back, thing_in_words

PER_PAGE = 30


@login_required
@require_GET
def notices(request: HttpRequest) -> HttpResponse:
    """Once shown, they count as read; "New" stands on them this one time."""
    user = signed_in_user(request)
    page = Paginator(notices_of(user), PER_PAGE).get_page(request.GET.get("page"))
    shown = [(notice, _may_appeal(notice)) for notice in page]
    mark_read(user=user, notices=page)
    return render(request, "moderation/notices.html", {"page": page, "shown": shown})


@login_required
@require_POST
def notice_dismiss(request: HttpRequest, notice_id: str) -> HttpResponse:
    dismiss(notice=get_notice_for(signed_in_user(request), notice_id))
    return redirect("notices")


@login_required
@require_POST
def notices_dismiss_all(request: HttpRequest) -> HttpResponse:
    dismiss_all(user=signed_in_user(request))
    return redirect("notices")


@login_required
@require_http_methods(["GET", "POST"])
def appeal(request: HttpRequest, decision_id: str) -> HttpResponse:
    user = signed_in_user(request)
    decision = get_decision_for(user, decision_id)
    form = AppealForm(request.POST if request.method == "POST" else None)
    refused, status = why_no_appeal(decision), 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                make_appeal(actor=user, decision=decision, text=form.cleaned_data["text"])
                messages.success(request, "Your appeal is sent. You will find the answer here.")
                return redirect("notices")
            except NotAllowed as refusal:
                refused, status = str(refusal), 409
    title = TO_AUTHOR[Outcome(decision.outcome)].format(thing=thing_in_words(decision.case))
    context = {"decision": decision, "title": title, "form": form, "refused": refused}
    return render(request, "moderation/appeal.html", context, status=status)


def _may_appeal(notice: Notice) -> bool:
    """From what `notices_of` loaded: no further query for each."""
    decision = notice.decision
    return decision is not None and not hasattr(decision, "appeal") and can_be_taken_back(decision)
