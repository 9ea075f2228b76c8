"""Models that other servers run: added, changed, tried out and removed."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.powers import Power, power_required
from apps.catalog.access import get_model_for
from apps.catalog.actions import remove_model
from apps.catalog.errors import CatalogError
from apps.catalog.models import HostedModel, Upstream
from apps.catalog.upstream_asking import try_upstream
from apps.catalog.upstreams import add_upstream, change_upstream, remove_key, upstream_of
from apps.console.forms.upstreams import NewUpstreamForm, UpstreamForm
from apps.console.pages import page

NEW, EDIT = "console/models/upstream_new.html", "console/models/upstream.html"


@power_required(Power.ADMINISTER)
@require_http_methods(["GET", "POST"])
def upstream_new(request: HttpRequest) -> HttpResponse:
    if request.method != "POST":
        return page(request, NEW, form=NewUpstreamForm())
    form = NewUpstreamForm(request.POST)
    if form.is_valid():
        words = {name: form.cleaned_data[name] for name in ("model_id", "name", "description", "api_key")}
        try:
            model = add_upstream(actor=signed_in_user(request), served=form.served, **words)
        except CatalogError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{model} is added. Try it out, then approve and grant it.")
            return redirect("console_model", model.pk)
    return page(request, NEW, status=422, form=form)


@power_required(Power.ADMINISTER)
@require_http_methods(["GET", "POST"])
def console_upstream(request: HttpRequest, model_id: str) -> HttpResponse:
    model, upstream = _upstream(request, model_id)
    if request.method != "POST":
        return page(request, EDIT, model=model, form=UpstreamForm.of(upstream))
    form = UpstreamForm(request.POST).keeping(upstream)
    if form.is_valid():
        key = form.cleaned_data["api_key"]
        try:
            change_upstream(actor=signed_in_user(request), model=model, served=form.served, api_key=key)
        except CatalogError as refusal:
            form.add_error(None, str(refusal))
        else:
            messages.success(request, f"{model} is asked like this from the next request on.")
            return redirect("console_model", model.pk)
    return page(request, EDIT, status=422, model=model, form=form)


@power_required(Power.ADMINISTER)
@require_POST
def upstream_test(request: HttpRequest, model_id: str) -> HttpResponse:
    model, _ = _upstream(request, model_id)
    trial = try_upstream(actor=signed_in_user(request), model=model)
    (messages.success if trial.works else messages.error)(request, trial.sentence)
    return redirect("console_model", model.pk)


@power_required(Power.ADMINISTER)
@require_POST
def upstream_forget_key(request: HttpRequest, model_id: str) -> HttpResponse:
    model, _ = _upstream(request, model_id)
    if remove_key(actor=signed_in_user(request), model=model):
        messages.success(request, f"The key for {model} is removed.")
    return redirect("console_model", model.pk)


@power_required(Power.ADMINISTER)
@require_POST
def upstream_remove(request: HttpRequest, model_id: str) -> HttpResponse:
    model, _ = _upstream(request, model_id)
    try:
        remove_model(actor=signed_in_user(request), model=model)
    except CatalogError:
        messages.error(
            request, f"Answers of {model} are kept, so its record must stay. Switch it off and remove its key instead."
        )
        return redirect("console_model", model.pk)
    messages.success(request, f"{model} is removed.")
    return redirect("console_models")


def _upstream(request: HttpRequest, model_id: str) -> tuple[HostedModel, Upstream]:
    """Raises Http404, also for a model that runs here."""
    model = get_model_for(request.user, model_id)
    try:
        return model, upstream_of(model)
    except CatalogError as error:
        raise Http404(str(error)) from error
