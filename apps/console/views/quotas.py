"""Quotas and prices."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_GET, require_POST

from apps.accounts.access import signed_in_user
from apps.accounts.powers import Power, power_required
from apps.console.forms.quotas import PriceForm, QuotaForm
from apps.console.pages import page, table_page
from apps.console.tables_of.quotas import PRICES, QUOTAS, prices, quotas
from apps.quotas.governing import remove_price, remove_quota, set_price, set_quota

LIST, PRICE_LIST = "console/quotas/list.html", "console/quotas/prices.html"


@power_required(Power.SEE)
@require_GET
def console_quotas(request: HttpRequest) -> HttpResponseBase:
    return table_page(request, LIST, QUOTAS, quotas(), form=QuotaForm())


@power_required(Power.GOVERN)
@require_POST
def quota_set(request: HttpRequest) -> HttpResponse:
    form = QuotaForm(request.POST)
    if form.is_valid():
        try:
            quota = set_quota(actor=signed_in_user(request), **form.wanted())
        except ValidationError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"{quota}: set, from the next question on.")
            return redirect("console_quotas")
    return page(request, LIST, status=422, shown=QUOTAS.shown(quotas(), request.GET), form=form)


@power_required(Power.GOVERN)
@require_POST
def quota_remove(request: HttpRequest, quota_id: int) -> HttpResponse:
    quota = get_object_or_404(quotas(), pk=quota_id)
    if remove_quota(actor=signed_in_user(request), quota=quota):
        messages.success(request, f"{quota}: no limit any more.")
    return redirect("console_quotas")


@power_required(Power.SEE)
@require_GET
def console_prices(request: HttpRequest) -> HttpResponseBase:
    return table_page(request, PRICE_LIST, PRICES, prices(), form=PriceForm())


@power_required(Power.GOVERN)
@require_POST
def price_set(request: HttpRequest) -> HttpResponse:
    form = PriceForm(request.POST)
    if form.is_valid():
        try:
            price = set_price(actor=signed_in_user(request), **form.cleaned_data)
        except ValidationError as refusal:
            form.refuse(refusal)
        else:
            messages.success(request, f"The price for {price.hosted_model or 'all other models'} is set.")
            return redirect("console_prices")
    return page(request, PRICE_LIST, status=422, shown=PRICES.shown(prices(), request.GET), form=form)


@power_required(Power.GOVERN)
@require_POST
def price_remove(request: HttpRequest, price_id: int) -> HttpResponse:
    price = get_object_or_404(prices(), pk=price_id)
    if remove_price(actor=signed_in_user(request), price=price):
        messages.success(request, f"The price for {price.hosted_model or 'all other models'} is gone.")
    return redirect("console_prices")
