"""Who is told about requests: approvers that there is one, the person what became of it."""

from __future__ import annotations

from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format
from django.utils.timezone import localtime

from apps.accounts.models import User
from apps.accounts.powers import Power, people_with
from apps.governance.models import AccessRequest, RequestState
from apps.moderation.notices import notify, notify_once

CONSOLE_PAGE = "console_requests"
"""The route of the room above in which approvers decide; where there is none, their notice leads nowhere."""


def tell_approvers(asked: AccessRequest) -> None:
    """Once for a person and a model until it is read, however often they withdraw and ask again."""
    title = f"{asked.user} asks for access to {asked.hosted_model}"
    key = f"{notices_about(asked.user)}{asked.hosted_model_id}"
    notify_once(people_with(Power.GOVERN), key, title, asked.reason, url=_console_page())


def notices_about(user: User) -> str:
    """How the keys of those notices begin that name somebody who asks."""
    return f"access:{user.pk}:"


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
