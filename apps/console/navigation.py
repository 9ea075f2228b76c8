"""The places of the console, each shown to whoever has the power to see it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from django.contrib.auth.models import AnonymousUser
from django.urls import NoReverseMatch, reverse

from apps.accounts.models import User
from apps.accounts.powers import Power, powers_of
from apps.console.tables_of.reports import cases_waiting
from apps.governance.models import AccessRequest, RequestState


@dataclass(frozen=True)
class Place:
    """`route` is the name of its address; a place of a room that isn't there is left out."""

    heading: str
    route: str
    title: str
    icon: str
    power: Power
    waiting: Callable[[], int] | None = None
    also: tuple[str, ...] = ()
    """How addresses of other pages begin that belong to it."""


@dataclass(frozen=True)
class Link:
    title: str
    icon: str
    href: str
    current: bool
    waiting: int


def requests_waiting() -> int:
    return AccessRequest.objects.filter(state=RequestState.OPEN).count()


PLACES = (
    Place("Console", "console_overview", "Overview", "activity", Power.SEE),
    Place("People", "console_people", "People", "users", Power.SEE),
    Place("People", "console_groups", "Groups", "layers", Power.SEE),
    Place("People", "console_invitations", "Invitations", "mail", Power.SEE),
    Place("People", "console_tokens", "API tokens", "terminal", Power.SEE),
    Place("Models", "console_models", "Models", "boxes", Power.SEE, also=("/console/installs/", "/console/upstreams/")),
    Place("Models", "console_grants", "Grants", "key-round", Power.SEE),
    Place("Models", "console_matrix", "Who can use what", "shield-check", Power.SEE),
    Place("Models", "console_requests", "Access requests", "bell", Power.SEE, requests_waiting),
    Place("Budget", "console_quotas", "Quotas", "scale", Power.SEE),
    Place("Budget", "console_prices", "Prices", "credit-card", Power.SEE),
    Place("Budget", "site_usage", "Usage", "zap", Power.SEE),
    Place("Trust", "console_reports", "Reports", "shield", Power.SEE_REPORTS, cases_waiting),
    Place("Trust", "console_audit", "Audit log", "scroll-text", Power.SEE_AUDIT),
    Place("Trust", "console_settings", "Site settings", "sliders-horizontal", Power.SEE),
)


def places_for(user: User | AnonymousUser) -> list[tuple[Place, str]]:
    """Those with their addresses that `user` may open; empty for people without any power."""
    powers = powers_of(user)
    found = [(place, _address(place.route)) for place in PLACES if place.power in powers]
    return [(place, address) for place, address in found if address]


def links_for(user: User | AnonymousUser, path: str) -> list[tuple[str, list[Link]]]:
    """By heading; the link of the page at `path`, or of the one that this belongs to, is current."""
    places = places_for(user)
    begins = [(start, address) for place, address in places for start in (address, *place.also)]
    fitting = [(len(start), address) for start, address in begins if path.startswith(start)]
    _, current = max(fitting, default=(0, ""))
    return [
        (
            heading,
            [
                Link(place.title, place.icon, address, address == current, place.waiting() if place.waiting else 0)
                for place, address in members
            ],
        )
        for heading, members in groupby(places, key=lambda pair: pair[0].heading)
    ]


def _address(route: str) -> str:
    try:
        return reverse(route)
    except NoReverseMatch:
        return ""
