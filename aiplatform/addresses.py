"""Addresses as they may stand in logs and metrics: by their pattern, without what opens doors."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from django.http import HttpRequest

SAFE_PARTS = {"pid", "cid", "mid", "jid", "uid", "id"}
"""Parts of an address that may stand in a log; all others, tokens for one, are left out."""


def route_of(request: HttpRequest) -> str:
    """The pattern that answered, or what kind of address it was where none did."""
    if request.resolver_match:
        return request.resolver_match.route
    return "(static)" if request.path.startswith("/static/") else "(unknown)"


def address_of(request: HttpRequest) -> str:
    """The route with the ids of what it is about; tokens stay out."""
    match = request.resolver_match
    if match is None:
        return route_of(request)
    address = request.path.lstrip("/")
    for name, value in match.kwargs.items():
        if name not in SAFE_PARTS and not isinstance(value, int) and str(value):
            address = address.replace(str(value), f"<{name}>")
    return address
