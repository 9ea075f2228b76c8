"""The console's page of site settings."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.accounts.access import admin_required, signed_in_user
from apps.accounts.actions.settings import change_site_settings
from apps.accounts.forms.console import SiteSettingsForm
from apps.accounts.models import SiteSettings


@admin_required
@require_http_methods(["GET", "POST"])
def console_settings(request: HttpRequest) -> HttpResponse:
    form = SiteSettingsForm(request.POST or None, instance=SiteSettings.current())
    if request.method == "POST" and form.is_valid():
        change_site_settings(actor=signed_in_user(request), sign_up=form.cleaned_data["sign_up"])
        messages.success(request, "The settings are saved.")
        return redirect("console_settings")
    return render(request, "accounts/console_settings.html", {"form": form})
