"""The site's settings."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.actions.settings import change_site_settings
from apps.accounts.forms.console import SiteSettingsForm
from apps.accounts.models import SiteSettings
from apps.accounts.powers import Power, power_required
from apps.console.forms.grants import StopForm
from apps.console.pages import page
from apps.governance.models import KillSwitch

TEMPLATE = "console/settings/settings.html"


@power_required(Power.SEE)
@require_GET
def _look(request: HttpRequest) -> HttpResponse:
    return _page(request, SiteSettingsForm(instance=SiteSettings.current()))


@power_required(Power.ADMINISTER)
@require_POST
def _save(request: HttpRequest) -> HttpResponse:
    form = SiteSettingsForm(request.POST, instance=SiteSettings.current())
    if not form.is_valid():
        return _page(request, form, status=422)
    change_site_settings(actor=signed_in_user(request), sign_up=form.cleaned_data["sign_up"])
    messages.success(request, "The settings are saved.")
    return redirect("console_settings")


def console_settings(request: HttpRequest) -> HttpResponseBase:
    """One address: looking is for all who see the console, saving for administrators."""
    return _save(request) if request.method == "POST" else _look(request)


def _page(request: HttpRequest, form: SiteSettingsForm, *, status: int = 200) -> HttpResponse:
    stop = KillSwitch.objects.thrown().filter(hosted_model=None).select_related("thrown_by").first()
    return page(request, TEMPLATE, status=status, form=form, stop=stop, stop_form=StopForm())
