"""The pages of ordinary people: ask for access, see what became of it, accept a licence."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.accounts.access import signed_in_user
from apps.accounts.models import User
from apps.catalog.access import get_model_for
from apps.catalog.models import HostedModel, ModelVersion
from apps.governance.access import get_own_request
from apps.governance.actions.licences import accept_licence
from apps.governance.actions.requests import request_access, withdraw_request
from apps.governance.decisions import authorize, explain
from apps.governance.errors import GovernanceRefused
from apps.governance.forms import AccessRequestForm
from apps.governance.models import AccessRequest, LicenceAcceptance, RequestState
from apps.projects.access import get_project_for
from apps.projects.models import Project

SHOWN = 100


@require_safe
@login_required
def access_requests(request: HttpRequest) -> HttpResponse:
    own = AccessRequest.objects.filter(user=signed_in_user(request))
    asked = own.select_related("hosted_model", "project", "grant", "decided_by")
    return render(request, "governance/requests.html", {"requests": asked[:SHOWN]})


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def access_request(request: HttpRequest, model_id: str) -> HttpResponse:
    """With `?project=` about the use in that project, where the person was refused. A picker of models asks in place,
    and wants JSON."""
    user, model = signed_in_user(request), get_model_for(request.user, model_id)
    project = _project_asked_about(request, user)
    form = AccessRequestForm(request.POST if request.method == "POST" else None)
    if request.method == "POST":
        if form.is_valid():
            return _asked(request, user, model, project, form.cleaned_data["reason"])
        if _wants_json(request):
            return JsonResponse({"error": {"message": form.errors["reason"][0], "field": "reason"}}, status=422)
    waiting = AccessRequest.objects.filter(user=user, hosted_model=model, state=RequestState.OPEN).first()
    if project:
        decision = authorize(actor=user, action="generate", model=model, project=project)
    else:
        decision = explain(actor=user, action="generate", model=model, project=None).decision
    context = {"model": model, "project": project, "form": form, "waiting": waiting, "decision": decision}
    return render(request, "governance/ask.html", context)


def _asked(request: HttpRequest, user: User, model: HostedModel, project: Project | None, reason: str) -> HttpResponse:
    """Who has asked before is told so: for them it waits as well."""
    try:
        request_access(actor=user, model=model, reason=reason, project=project)
        level, sentence = messages.SUCCESS, f"You have asked for {model}. You get a notice when it is decided."
    except GovernanceRefused as refusal:
        level, sentence = messages.INFO, str(refusal)
    if _wants_json(request):
        return JsonResponse({"text": sentence})
    messages.add_message(request, level, sentence)
    return redirect("access_requests")


def _wants_json(request: HttpRequest) -> bool:
    return request.headers.get("Accept") == "application/json"


@require_POST
@login_required
def access_withdraw(request: HttpRequest, request_id: str) -> HttpResponse:
    user = signed_in_user(request)
    asked = get_own_request(user, request_id)
    if withdraw_request(actor=user, request=asked):
        messages.success(request, f"You no longer ask for {asked.hosted_model}.")
    else:
        messages.info(request, "That was decided before you withdrew it.")
    return redirect("access_requests")


@require_http_methods(["GET", "HEAD", "POST"])
@login_required
def model_licence(request: HttpRequest, model_id: str) -> HttpResponse:
    user, model = signed_in_user(request), get_model_for(request.user, model_id)
    version = model.default_version
    if version is None:
        raise Http404("No version of this model is installed.")
    if request.method == "POST":
        return _accept(request, user, model, version)
    accepted = LicenceAcceptance.objects.filter(user=user, hosted_model=model, license_id=version.license_id).first()
    return render(request, "governance/licence.html", {"model": model, "version": version, "accepted": accepted})


def _accept(request: HttpRequest, user: User, model: HostedModel, version: ModelVersion) -> HttpResponse:
    """What is accepted is what was on the page: a version may have come since, under another licence."""
    if request.POST.get("licence") != version.license_id:
        messages.error(request, "The licence has changed since you opened the page. Read it again, please.")
        return redirect("model_licence", model.pk)
    accept_licence(actor=user, version=version)
    messages.success(request, f"You have accepted the licence of {model}.")
    return redirect("model", model.pk)


def _project_asked_about(request: HttpRequest, user: User) -> Project | None:
    asked = request.GET.get("project", "")
    return get_project_for(user, asked) if asked else None
