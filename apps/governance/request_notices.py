"""Who is told about requests: approvers that there is one, the person what became of it."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from apps.accounts.models import User
from apps.accounts.powers import POWERS, Power
from apps.governance.models import AccessRequest, RequestState
from apps.moderation.notices import notify

CONSOLE_PAGE = "console_requests"
"""The route of the room above in which approvers decide; where there is none, their notice leads nowhere."""


def approvers() -> QuerySet[User]:
    """Everybody who may decide on requests."""
    governing = [role for role, powers in POWERS.items() if Power.GOVERN in powers]
    return User.objects.filter(Q(is_superuser=True) | Q(site_role__in=governing), is_active=True)


def tell_approvers(asked: AccessRequest) -> None:
    page = _console_page()
    title = f"{asked.user} asks for access to {asked.hosted_model}"
    for approver in approvers():
        notify(approver, title, asked.reason, url=page)


def tell_asker(asked: AccessRequest) -> None:
    model = asked.hosted_model
    if asked.state == RequestState.APPROVED:
        notify(asked.user, f"You may use {model}{_until(asked)}", asked.answer, url=reverse("model", args=[model.pk]))
    else:
        notify(asked.user, f"Your request for {model} was declined", asked.answer, url=reverse("access_requests"))


def _console_page() -> str:
    try:
        return reverse(CONSOLE_PAGE)
    except NoReverseMatch:
        return ""


def _until(asked: AccessRequest) -> str:
    if asked.grant is None or asked.grant.expires_at is None:
        return ""
    return f" until {date_format(localtime(asked.grant.expires_at), 'j F Y')}"
