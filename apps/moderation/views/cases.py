"""One case of the moderators' queue, and what they decide."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.errors import NotAllowed
from apps.accounts.powers import Power, power_required, powers_of
from apps.audit.record import record
from apps.moderation.access import get_case, other_moderators, strikes_of, thing_of
from apps.moderation.actions.appeals import answer_appeal
from apps.moderation.actions.decisions import decide
from apps.moderation.forms import AnswerForm, DecisionForm
from apps.moderation.models import Appeal, Case
from apps.moderation.outcomes import noun_of, possible
from apps.moderation.targets import case_target

DONE = {
    "hide": "It is hidden, and its author was told why.",
    "restore": "It is shown again.",
    "warn": "The author was warned.",
    "dismiss": "It stays as it is.",
}


@power_required(Power.SEE_REPORTS)
@require_GET
def console_report(request: HttpRequest, case_id: str) -> HttpResponse:
    """It shows what somebody reported, maybe out of a project that isn't the reader's: so reading it is recorded."""
    return _page(request, get_case(case_id))


@power_required(Power.MODERATE)
@require_POST
def console_decide(request: HttpRequest, case_id: str) -> HttpResponse:
    case = get_case(case_id)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, case, form=form, status=422)
    try:
        decision = decide(actor=signed_in_user(request), case=case, **form.cleaned_data)
    except NotAllowed as refusal:
        form.add_error("reason" if not form.cleaned_data["reason"] else None, str(refusal))
        return _page(request, get_case(case_id), form=form, status=409)
    messages.success(request, DONE[decision.outcome])
    return redirect("console_reports")


@power_required(Power.MODERATE)
@require_POST
def console_answer(request: HttpRequest, case_id: str) -> HttpResponse:
    case, form = get_case(case_id), AnswerForm(request.POST)
    waiting = _open_appeal(case)
    if waiting is None:
        messages.info(request, "This appeal has been answered meanwhile.")
        return redirect("console_report", case.pk)
    if not form.is_valid():
        return _page(request, case, answer_form=form, status=422)
    try:
        answer_appeal(actor=signed_in_user(request), decision=waiting.decision, **form.cleaned_data)
    except NotAllowed as refusal:
        form.add_error(None, str(refusal))
        return _page(request, get_case(case_id), answer_form=form, status=409)
    messages.success(request, "The appeal is answered, and its author was told.")
    return redirect("console_report", case.pk)


def _page(
    request: HttpRequest,
    case: Case,
    *,
    form: DecisionForm | None = None,
    answer_form: AnswerForm | None = None,
    status: int = 200,
) -> HttpResponse:
    user, found = signed_in_user(request), thing_of(case)
    record("moderation.case.viewed", actor=user, target=case_target(case), case=case.pk)
    decisions = list(case.decisions.select_related("moderator", "appeal__answered_by"))
    seen = decisions[0].pk if decisions else ""
    outcomes = possible(case)
    context: dict[str, Any] = {
        "case": case,
        "noun": noun_of(case),
        "url": found[0].url(found[1]) if found else "",
        "gone": found is None,
        "reports": case.reports.select_related("reporter"),
        "decisions": decisions,
        "strikes": strikes_of(case.author) if case.author else 0,
        "may_decide": Power.MODERATE in powers_of(user) and case.author_id != user.pk,
        "form": form or DecisionForm(initial={"seen": seen}),
        "seen": seen,
        "verbs": DecisionForm.verbs(outcomes),
        "appeal": (waiting := _open_appeal(case)),
        "may_answer": waiting is None or waiting.decision.moderator_id != user.pk or not other_moderators(than=user),
        "answer_form": answer_form or AnswerForm(),
    }
    return render(request, "moderation/case.html", context, status=status)


def _open_appeal(case: Case) -> Appeal | None:
    waiting = Appeal.objects.filter(decision__case=case, state=Appeal.State.OPEN)
    return waiting.select_related("decision").first()
