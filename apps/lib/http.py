"""Where a request really comes from, and what it searches for."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping

from django.conf import settings
from django.http import HttpRequest

MAX_SEARCH_CHARS = 254


def client_ip(request: HttpRequest) -> str:
    """The address of the client, "" where none is known.

    X-Forwarded-For is believed for as many entries, counted from its end, as there are proxies of ours
    (`ALLAUTH_TRUSTED_PROXY_COUNT`): whatever stands before those was written by the client and may be a lie.
    """
    trusted: int = settings.ALLAUTH_TRUSTED_PROXY_COUNT
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    if trusted and len(forwarded) >= trusted and (found := _address(forwarded[-trusted])):
        return found
    return _address(request.META.get("REMOTE_ADDR", ""))


def search_text(asked: Mapping[str, str], name: str = "q") -> str:
    """What the address has under `name`, as a text that PostgreSQL can look for; "" where it has nothing.

    What is longer than any search need be is cut: nobody is refused for what they look for.
    """
    return asked.get(name, "").replace("\0", "").strip()[:MAX_SEARCH_CHARS]


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.strip()))
    except ValueError:
        return ""
