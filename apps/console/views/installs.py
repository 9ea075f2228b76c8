"""Installing a model of the hub: what is it, ask for it, follow it, cancel it, try it again."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.powers import Power, power_required, powers_of
from apps.catalog.errors import CatalogError
from apps.catalog.installs import ask_install, cancel_install, retry_install
from apps.catalog.looking import Found, look_at
from apps.catalog.models import UNFINISHED, ModelInstall, ModelVersion
from apps.catalog.suggestions import SUGGESTIONS, Suggestion
from apps.console.forms.installs import BaseForm, InstallForm, LookForm
from apps.console.pages import page
from apps.console.room import Room, room_here
from apps.lib.ids import is_id
from engine.store import StoreError

LIST, LOOK, ROWS = (f"console/installs/{name}.html" for name in ("list", "look", "_rows"))
SHOWN = 20
OFFLINE = (
    "This site fetches nothing from the hub (HF_HUB_OFFLINE is set). Models are installed from folders, on the command "
    "line of the server: manage.py models install path:FOLDER"
)


@power_required(Power.SEE)
@require_GET
def console_installs(request: HttpRequest) -> HttpResponse:
    return _list(request, LookForm())


@power_required(Power.SEE)
@require_GET
def installs_live(request: HttpRequest) -> HttpResponse:
    """The rows alone, for a page that is open."""
    may_govern = Power.GOVERN in powers_of(signed_in_user(request))
    return render(request, ROWS, {"installs": _rows(), "may_govern": may_govern})


@power_required(Power.GOVERN)
@require_POST
def install_look(request: HttpRequest) -> HttpResponse:
    form = LookForm(request.POST)
    found = _found(form)
    if found is None:
        return _list(request, form, status=422)
    return _look(request, found, InstallForm().shaped_for(found))


@power_required(Power.GOVERN)
@require_POST
def install_new(request: HttpRequest) -> HttpResponse:
    form = InstallForm(request.POST)
    found = _found(form)
    if found is None:
        return _list(request, LookForm(request.POST), status=422)
    form.shaped_for(found)
    if found.refusal or form.errors:
        return _look(request, found, form, status=422)
    try:
        actor = signed_in_user(request)
        install = ask_install(actor=actor, source=found.source, wishes=form.wishes(), weights=form.weights_kind)
    except CatalogError as refusal:
        form.add_error(None, str(refusal))
        return _look(request, found, form, status=422)
    messages.success(request, f"{install.repository} is being installed. You are told when it is here.")
    return redirect("console_installs")


@power_required(Power.GOVERN)
@require_POST
def install_cancel(request: HttpRequest, install_id: str) -> HttpResponse:
    install = _install(install_id)
    if cancel_install(actor=signed_in_user(request), install=install):
        messages.success(request, f"The install of {install.repository} is cancelled; what was fetched is deleted.")
    else:
        messages.info(request, f"The install of {install.repository} has ended already.")
    return redirect("console_installs")


@power_required(Power.GOVERN)
@require_POST
def install_retry(request: HttpRequest, install_id: str) -> HttpResponse:
    install = _install(install_id)
    if settings.HF_HUB_OFFLINE:
        messages.error(request, OFFLINE)
        return redirect("console_installs")
    try:
        if retry_install(actor=signed_in_user(request), install=install):
            messages.success(request, f"{install.repository} is tried again.")
        else:
            messages.info(request, f"The install of {install.repository} needs no other try.")
    except CatalogError as refusal:
        messages.error(request, str(refusal))
    return redirect("console_installs")


def _found(form: LookForm) -> Found | None:
    """None where there is nothing to show; then the form says why."""
    form.full_clean()
    if settings.HF_HUB_OFFLINE:
        form.add_error(None, OFFLINE)
    if form.non_field_errors() or form["source"].errors:
        return None
    try:
        return look_at(form.hub_source, base=form.cleaned_data.get("base", ""))
    except (CatalogError, StoreError) as refusal:
        form.add_error("source", str(refusal))
        return None


def _list(request: HttpRequest, form: LookForm, *, status: int = 200) -> HttpResponse:
    fitting, larger = _suggested(room_here())
    context = {
        "form": form, "installs": _rows(), "fitting": fitting, "larger": larger,
        "offline": OFFLINE if settings.HF_HUB_OFFLINE else "",
    }  # fmt: skip
    return page(request, LIST, status=status, **context)


def _look(request: HttpRequest, found: Found, form: InstallForm, *, status: int = 200) -> HttpResponse:
    context: dict[str, Any] = {"found": found, "form": form, "lacking": room_here().lacking(found.size)}
    if found.is_adapter:
        context["base_form"] = BaseForm()
    return page(request, LOOK, status=status, **context)


def _suggested(room: Room) -> tuple[list[Suggestion], list[tuple[Suggestion, str]]]:
    """Those that have room here and aren't installed; the others with what they lack."""
    here = set(ModelVersion.objects.filter(source__startswith="hf:").values_list("source", flat=True))
    rest = [(each, room.lacking(each.size)) for each in SUGGESTIONS if each.source not in here]
    return [each for each, lacking in rest if not lacking], [(each, lacking) for each, lacking in rest if lacking]


def _rows() -> list[ModelInstall]:
    """The unfinished ones first, in the order in which they come."""
    rows = ModelInstall.objects.select_related("asked_by", "version__hosted_model")
    ended = rows.exclude(state__in=UNFINISHED).order_by("-ended_at", "-id")
    return [*rows.filter(state__in=UNFINISHED).order_by("created_at", "id"), *ended[:SHOWN]]


def _install(install_id: str) -> ModelInstall:
    return get_object_or_404(ModelInstall, pk=install_id if is_id(install_id) else "")
