"""What the shell shows of the console, and small words of its tables."""

from __future__ import annotations

from django import template
from django.contrib.auth.models import AnonymousUser
from django.contrib.humanize.templatetags.humanize import naturaltime
from django.template.defaultfilters import filesizeformat

from apps.accounts.models import User
from apps.accounts.powers import Power, powers_of
from apps.catalog.models import InstallState, ModelInstall
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


@register.simple_tag
def install_words(install: ModelInstall) -> str:
    """How far an install is: "1.2 GB of 8.1 GB, 35 MB a second, about 3 min left"."""
    if install.state == InstallState.QUEUED:
        return "Goes on in a moment." if install.attempt else "Begins as soon as the downloads before it have ended."
    if install.ended_at:
        who = f", asked for by {install.asked_by}" if install.asked_by else ""
        return f"{naturaltime(install.ended_at)}{who}"
    if not install.total_bytes:
        return "Asking the hub …"
    words = [f"{filesizeformat(install.done_bytes)} of {filesizeformat(install.total_bytes)}"]
    if install.bytes_per_second:
        words.append(f"{filesizeformat(install.bytes_per_second)} a second")
    if install.seconds_left is not None:
        words.append(f"about {_time(install.seconds_left)} left")
    return ", ".join(words)


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
