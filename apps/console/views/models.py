"""Models: their state, licence gate, versions, and the switch that stops them."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.powers import Power, power_required
from apps.catalog.access import get_model_for
from apps.catalog.actions import set_answer_format, set_longest_time, set_reasoning, set_words
from apps.catalog.models import HostedModel, ModelState, ModelVersion, ReasoningPolicy, Upstream
from apps.console.forms.grants import StopForm
from apps.console.forms.models import TimeForm, WordsForm
from apps.console.pages import page, table_page
from apps.console.tables_of.grants import grants
from apps.console.tables_of.models import MODELS, models
from apps.governance.actions.models import set_licence_gate, set_model_state, switch_model, use_version
from apps.governance.errors import GovernanceRefused
from apps.governance.models import Grant, KillSwitch
from engine.answers import FORMATS

WORDS = {
    ModelState.PROPOSED: "In the catalogue of those who govern; nobody may use it.",
    ModelState.APPROVED: "Whoever it is granted to may use it.",
    ModelState.DEPRECATED: "Still usable; people are told to move on.",
    ModelState.RETIRED: "Nobody may use it; what was made with it stays.",
}
THINKING = {
    ReasoningPolicy.SHOWN: "People unfold what it thought, above its answer.",
    ReasoningPolicy.HIDDEN: "People see for how long it thought. What it thinks is not stored.",
}


@power_required(Power.SEE)
@require_GET
def console_models(request: HttpRequest) -> HttpResponseBase:
    return table_page(request, "console/models/list.html", MODELS, models())


@power_required(Power.SEE)
@require_GET
def console_model(request: HttpRequest, model_id: str) -> HttpResponse:
    model = get_model_for(request.user, model_id)
    return model_page(request, model)


def model_page(
    request: HttpRequest,
    model: HostedModel,
    *,
    time_form: TimeForm | None = None,
    words_form: WordsForm | None = None,
    status: int = 200,
) -> HttpResponse:
    live = grants().filter(pk__in=Grant.objects.live().filter(hosted_model=model).values("pk"))
    stops = KillSwitch.objects.filter(hosted_model=model).select_related("thrown_by", "released_by")
    context = {
        "model": model,
        "upstream": Upstream.objects.select_related("version").filter(version=model.default_version_id).first(),
        "versions": list(model.versions.select_related("base").defer("model_card", "files", "chat_template")),
        "states": [(state.value, state.label, WORDS[state]) for state in ModelState],
        "policies": [(policy.value, policy.label, THINKING[policy]) for policy in ReasoningPolicy],
        "formats": _formats_of(model.default_version).items(),
        "grants": list(live.order_by("subject_type", "pk")[:50]),
        "stop": stops.thrown().first(),
        "stops": list(stops.exclude(released_at=None)[:5]),
        "stop_form": StopForm(),
        "time_form": time_form or TimeForm(model=model),
        "words_form": words_form or WordsForm(model=model),
    }
    return page(request, "console/models/model.html", status=status, **context)


def _formats_of(version: ModelVersion | None) -> dict[str, str]:
    """How answers of `version` may be read. Of another server there is only text."""
    far = version is not None and version.is_upstream
    return {name: found.label for name, found in FORMATS.items() if found.in_text or not far}


@power_required(Power.GOVERN)
@require_POST
def model_state(request: HttpRequest, model_id: str) -> HttpResponse:
    model, asked = get_model_for(request.user, model_id), request.POST.get("state", "")
    if asked not in ModelState.values:
        messages.error(request, "Choose one of the states.")
        return redirect("console_model", model.pk)
    try:
        if set_model_state(actor=signed_in_user(request), model=model, state=ModelState(asked)):
            messages.success(request, f"{model} is {ModelState(asked).label.lower()} now.")
    except GovernanceRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("console_model", model.pk)


@power_required(Power.GOVERN)
@require_POST
def model_words(request: HttpRequest, model_id: str) -> HttpResponse:
    model = get_model_for(request.user, model_id)
    form = WordsForm(request.POST, model=model)
    if not form.is_valid():
        return model_page(request, model, words_form=form, status=422)
    if set_words(actor=signed_in_user(request), model=model, **form.cleaned_data):
        messages.success(request, f"People read “{model.name}” from now on.")
    return redirect("console_model", model.pk)


@power_required(Power.GOVERN)
@require_POST
def model_gate(request: HttpRequest, model_id: str) -> HttpResponse:
    model, gated = get_model_for(request.user, model_id), request.POST.get("gated") == "yes"
    if set_licence_gate(actor=signed_in_user(request), model=model, gated=gated):
        told = "People accept its licence before they first use it." if gated else "It is used without being asked."
        messages.success(request, told)
    return redirect("console_model", model.pk)


def _chosen_version(request: HttpRequest, model: HostedModel) -> ModelVersion:
    chosen = request.POST.get("version", "")
    return get_object_or_404(model.versions, pk=chosen if chosen.isprintable() else "")


@power_required(Power.GOVERN)
@require_POST
def model_version(request: HttpRequest, model_id: str) -> HttpResponse:
    model = get_model_for(request.user, model_id)
    version = _chosen_version(request, model)
    try:
        use_version(actor=signed_in_user(request), version=version)
        messages.success(request, f"{model} now answers with {version.digest[:12]}.")
    except GovernanceRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("console_model", model.pk)


@power_required(Power.GOVERN)
@require_POST
def model_reasoning(request: HttpRequest, model_id: str) -> HttpResponse:
    model, asked = get_model_for(request.user, model_id), request.POST.get("policy", "")
    if asked not in ReasoningPolicy.values:
        messages.error(request, "Choose whether its reasoning is shown or hidden.")
    elif set_reasoning(actor=signed_in_user(request), model=model, policy=ReasoningPolicy(asked)):
        messages.success(request, f"What {model} thinks is {asked} now.")
    return redirect("console_model", model.pk)


@power_required(Power.GOVERN)
@require_POST
def model_format(request: HttpRequest, model_id: str) -> HttpResponse:
    model, asked = get_model_for(request.user, model_id), request.POST.get("format", "")
    version = _chosen_version(request, model)
    if asked not in _formats_of(version):
        messages.error(request, "Choose one of the formats.")
    elif set_answer_format(actor=signed_in_user(request), version=version, answer_format=asked):
        messages.success(request, f"Answers that begin now are read as “{FORMATS[asked].label}”.")
    return redirect("console_model", model.pk)


@power_required(Power.GOVERN)
@require_POST
def model_time(request: HttpRequest, model_id: str) -> HttpResponse:
    model = get_model_for(request.user, model_id)
    form = TimeForm(request.POST, model=model)
    if not form.is_valid():
        return model_page(request, model, time_form=form, status=422)
    seconds = form.cleaned_data["longest_seconds"]
    if set_longest_time(actor=signed_in_user(request), model=model, seconds=seconds):
        ends = f"ends after {seconds:,} s now" if seconds else "takes as long as it takes now"
        messages.success(request, f"What a worker begins for {model} {ends}.")
    return redirect("console_model", model.pk)


@power_required(Power.GOVERN)
@require_POST
def model_enable(request: HttpRequest, model_id: str) -> HttpResponse:
    model, enabled = get_model_for(request.user, model_id), request.POST.get("enabled") == "yes"
    try:
        if switch_model(actor=signed_in_user(request), model=model, on=enabled):
            messages.success(request, f"{model} is switched {'on' if enabled else 'off'}.")
    except GovernanceRefused as refusal:
        messages.error(request, str(refusal))
    return redirect("console_model", model.pk)
