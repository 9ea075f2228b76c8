"""Every main page of the site, for those who look at all of them."""

from __future__ import annotations

from collections.abc import Iterator

from playwright.sync_api import Page

from tests.e2e.browser import DESKTOP, PHONE
from tests.e2e.visitor import Visitor

OUTSIDE = {
    "landing": "/",
    "sign-in": "/accounts/login/",
    "sign-up": "/accounts/signup/",
    "reset-password": "/accounts/password/reset/",
    "not-found": "/no-such-page/",
}
INSIDE = {
    "projects": "/projects/",
    "project-new": "/projects/new/",
    "conversations": "/p/{pid}/conversations/",
    "conversation": "/c/{cid}/",
    "members": "/p/{pid}/members/",
    "project-settings": "/p/{pid}/settings/",
    "shared-links": "/me/links/",
    "project-links": "/p/{pid}/links/",
    "models": "/models/",
    "model": "/models/smollm2-135m-instruct/",
    "profile": "/me/",
    "password": "/accounts/password/change/",
    "emails": "/accounts/email/",
    "second-factor": "/accounts/2fa/",
    "sessions": "/accounts/sessions/",
}
CONSOLE = {
    "overview": "/console/",
    "people": "/console/people/",
    "groups": "/console/groups/",
    "invitations": "/console/invitations/",
    "console-models": "/console/models/",
    "console-model": "/console/models/smollm2-135m-instruct/",
    "grants": "/console/grants/",
    "grant-new": "/console/grants/new/",
    "matrix": "/console/access/",
    "explain": "/console/access/explain/",
    "requests": "/console/requests/",
    "quotas": "/console/quotas/",
    "prices": "/console/prices/",
    "audit": "/console/audit/",
    "settings": "/console/settings/",
}
VARIANTS = {
    f"{scheme}-{name}": {"color_scheme": scheme, "viewport": size}
    for scheme in ("light", "dark")
    for name, size in (("desktop", DESKTOP), ("phone", PHONE))
}
CORNERS = ("light-desktop", "dark-phone")
"""Variants that together have each theme and each width."""


def visit_all(page: Page, site: str, addresses: dict[str, str]) -> Iterator[str]:
    """Opens one after the other and gives its name once it has come to rest."""
    for name, path in addresses.items():
        page.goto(f"{site}{path}")
        page.wait_for_load_state("networkidle")
        yield name


def inside(visitor: Visitor, conversation: str, project: str) -> dict[str, str]:
    cid = conversation.rstrip("/").rsplit("/", 1)[1]
    return {name: path.format(pid=project, cid=cid) for name, path in INSIDE.items()}
