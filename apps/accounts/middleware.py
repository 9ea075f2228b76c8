"""Sessions seen lately, and the way out to another sign-in provider."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from time import monotonic
from urllib.parse import urlsplit

from allauth.usersessions.models import UserSession
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from apps.lib.http import client_ip

SEEN_EVERY = timedelta(minutes=4)
NOTED_SECONDS = 60
MAX_NOTED = 10_000
LEAVING = {"openid_connect_login"}

Respond = Callable[[HttpRequest], HttpResponse]


def note_activity(get_response: Respond) -> Respond:
    """Keep `last_seen_at` of a session right to five minutes, at one small statement a minute."""
    return lambda request: _note(request, get_response(request))


def leave_by_page(get_response: Respond) -> Respond:
    """Send people on to their sign-in provider by a page instead of a redirect.

    Browsers hold the whole chain of redirects after a form to `form-action`, and a provider may send people on to hosts
    that nobody here knows. A page that refreshes itself starts a new navigation.
    """
    return lambda request: _leave(request, get_response(request))


def _note(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    key = request.session.session_key
    if key and _is_due(key):
        stale = UserSession.objects.filter(session_key=key, last_seen_at__lt=Now() - SEEN_EVERY)
        stale.update(last_seen_at=Now(), **({"ip": ip} if (ip := client_ip(request)) else {}))
    return response


_noted: dict[str, float] = {}


def _is_due(key: str) -> bool:
    """Whether this process has not asked the database about this session within the last minute."""
    now = monotonic()
    if now - _noted.get(key, -NOTED_SECONDS) < NOTED_SECONDS:
        return False
    if len(_noted) >= MAX_NOTED:
        _noted.clear()
    _noted[key] = now
    return True


def _leave(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    target = response.headers.get("Location", "")
    left = request.resolver_match and request.resolver_match.url_name in LEAVING and urlsplit(target).netloc
    if request.method != "POST" or not left:
        return response
    return render(request, "socialaccount/login_redirect.html", {"redirect_to": target, "host": left})
