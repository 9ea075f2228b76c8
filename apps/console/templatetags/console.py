"""What the shell shows of the console, and small words of its tables."""

from __future__ import annotations

from django import template
from django.contrib.auth.models import AnonymousUser

from apps.accounts.models import User
from apps.accounts.powers import Power, powers_of
from apps.console.navigation import Link, links_for, places_for

register = template.Library()


@register.simple_tag
def console_links(user: User | AnonymousUser, path: str) -> list[tuple[str, list[Link]]]:
    """The console's places by heading; empty for who has no power."""
    return links_for(user, path)


@register.simple_tag
def console_door(user: User | AnonymousUser) -> str:
    """The address of the first page of the console that `user` may open; "" where there is none."""
    return next((address for _, address in places_for(user)), "")


@register.simple_tag
def only_looks(user: User | AnonymousUser) -> bool:
    """Whether somebody sees the console and can change nothing in it."""
    powers = powers_of(user)
    return Power.SEE in powers and not powers & {Power.GOVERN, Power.ADMINISTER, Power.MODERATE}
