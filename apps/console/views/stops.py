"""The kill switch of one model and of the whole site."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.powers import Power, power_required
from apps.catalog.access import get_model_for
from apps.catalog.models import HostedModel
from apps.console.forms.grants import StopForm
from apps.governance.actions.switches import release_switch, throw_switch
from apps.governance.errors import GovernanceRefused
from apps.governance.models import KillSwitch


@power_required(Power.GOVERN)
@require_POST
def model_stop(request: HttpRequest, model_id: str) -> HttpResponse:
    return _stop(request, get_model_for(request.user, model_id))


@power_required(Power.GOVERN)
@require_POST
def site_stop(request: HttpRequest) -> HttpResponse:
    return _stop(request, None)


@power_required(Power.GOVERN)
@require_POST
def release(request: HttpRequest, switch_id: str) -> HttpResponse:
    switch = get_object_or_404(KillSwitch.objects.select_related("hosted_model"), pk=switch_id)
    what = switch.hosted_model or "The site"
    if release_switch(actor=signed_in_user(request), switch=switch):
        messages.success(request, f"{what} runs again. What was stopped can be asked for again.")
    else:
        messages.info(request, f"{what} ran again already.")
    return _back(switch.hosted_model)


def _stop(request: HttpRequest, model: HostedModel | None) -> HttpResponse:
    form = StopForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Say why, in a sentence of at most 280 characters: people read it.")
        return _back(model)
    try:
        throw_switch(actor=signed_in_user(request), model=model, message=form.cleaned_data["message"])
    except GovernanceRefused as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, f"{model or 'The site'} is stopped; what was running ends within a second or two.")
    return _back(model)


def _back(model: HostedModel | None) -> HttpResponse:
    return redirect("console_model", model.pk) if model else redirect("console_settings")
