"""What the pages of accounts show that isn't in their context."""

from __future__ import annotations

from django import template

from apps.accounts.models import SiteSettings

register = template.Library()

# The first that occurs in a User-Agent wins: Edge and Opera also say Chrome, Chrome also says Safari.
BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "Firefox/": "Firefox",
    "FxiOS": "Firefox",
    "Chrome/": "Chrome",
    "CriOS": "Chrome",
    "Safari/": "Safari",
    "curl/": "curl",
}
SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "Mac",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


@register.simple_tag
def sign_up_mode() -> str:
    """open, invitation or closed."""
    return SiteSettings.current().sign_up


@register.filter
def browser(user_agent: str) -> str:
    """A User-Agent header in words: “Firefox on Linux”; its first 40 characters where nothing is known in it."""
    name = next((name for mark, name in BROWSERS.items() if mark in user_agent), "")
    system = next((name for mark, name in SYSTEMS.items() if mark in user_agent), "")
    return " on ".join(filter(None, (name, system))) or user_agent[:40] or "Unknown browser"
