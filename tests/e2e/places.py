"""Every main page of the site, for those who look at all of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from playwright.sync_api import Page

from tests.e2e.browser import DESKTOP, PHONE

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
    "conversations-import": "/p/{pid}/conversations/import/",
    "studio": "/p/{pid}/studio/",
    "studio-none": "/p/{pid}/studio/?q=nothing+of+the+kind",
    "studio-deleted": "/p/{pid}/studio/deleted/",
    "boards": "/p/{pid}/boards/",
    "picture": "/pictures/{picture}/",
    "picture-varied": "/pictures/{varied}/",
    "picture-uploaded": "/pictures/{photo}/",
    "members": "/p/{pid}/members/",
    "project-settings": "/p/{pid}/settings/",
    "shared-links": "/me/links/",
    "project-links": "/p/{pid}/links/",
    "project-usage": "/p/{pid}/usage/",
    "access": "/access/",
    "access-ask": "/models/zephyr-7b-beta/access/",
    "licence": "/models/zephyr-7b-beta/licence/",
    "prompts": "/prompts/",
    "prompts-tag": "/prompts/?tag=sea",
    "prompts-none": "/prompts/?q=nothing+of+the+kind",
    "prompt": "/prompts/{prompt}/",
    "prompt-new": "/prompts/new/",
    "prompt-edit": "/prompts/{prompt}/edit/",
    "prompt-revisions": "/prompts/{prompt}/revisions/",
    "prompt-diff": "/prompts/{prompt}/diff/",
    "prompt-diff-fork": "/prompts/{fork}/diff/",
    "prompt-lineage": "/prompts/{prompt}/lineage/",
    "prompt-sharing": "/prompts/{prompt}/sharing/",
    "prompt-import": "/prompts/import/",
    "prompt-shared": "/prompts/shared/{shared_prompt}/",
    "conversation-shared": "/shared/c/{shared}/",
    "report-prompt": "/report/prompt/{fork}/",
    "notices": "/me/notices/",
    "appeal": "/me/decisions/{decision}/appeal/",
    "usage": "/me/usage/",
    "models": "/models/",
    "models-none": "/models/?does=draws&q=nothing+of+the+kind",
    "model": "/models/smollm2-135m-instruct/",
    "other-model": "/models/zephyr-7b-beta/",
    "profile": "/me/",
    "delete-account": "/me/delete/",
    "password": "/accounts/password/change/",
    "emails": "/accounts/email/",
    "second-factor": "/accounts/2fa/",
    "sessions": "/accounts/sessions/",
    "api-tokens": "/me/tokens/",
}
CONSOLE = {
    "overview": "/console/",
    "people": "/console/people/",
    "people-none": "/console/people/?q=nobody+of+that+name",
    "person": "/console/people/{person}/",
    "person-may": "/console/people/{person}/may/",
    "groups": "/console/groups/",
    "group": "/console/groups/{group}/",
    "group-empty": "/console/groups/{empty_group}/",
    "invitations": "/console/invitations/",
    "console-tokens": "/console/tokens/",
    "console-models": "/console/models/",
    "installs": "/console/installs/",
    "console-model": "/console/models/smollm2-135m-instruct/",
    "console-model-stopped": "/console/models/zephyr-7b-beta/",
    "grants": "/console/grants/",
    "grant-new": "/console/grants/new/",
    "matrix": "/console/access/",
    "explain": "/console/access/explain/",
    "explained": "/console/access/explain/?person={email}&model=zephyr-7b-beta&project={pid}",
    "requests": "/console/requests/",
    "request": "/console/requests/{request}/",
    "request-decided": "/console/requests/{decided}/",
    "quotas": "/console/quotas/",
    "prices": "/console/prices/",
    "usage-site": "/console/usage/",
    "reports": "/console/reports/",
    "report": "/console/reports/{case}/",
    "report-appealed": "/console/reports/{appealed}/",
    "audit": "/console/audit/",
    "audit-filtered": "/console/audit/?action=model.grant.created",
    "audit-none": "/console/audit/?actor=nobody+of+that+name",
    "settings": "/console/settings/",
}
VARIANTS: dict[str, Any] = {
    f"{scheme}-{name}": {"color_scheme": scheme, "viewport": size}
    for scheme in ("light", "dark")
    for name, size in (("desktop", DESKTOP), ("phone", PHONE))
}
CORNERS = ("light-desktop", "dark-phone")
"""Variants that together have each theme and each width."""


REST = """async () => {
    const frame = () => new Promise(requestAnimationFrame);
    const moving = () => document.getAnimations().filter(
        (one) => one.playState === "running" && one.effect.getTiming().iterations !== Infinity
    );
    await frame();
    await frame();
    await document.fonts.ready;
    while (moving().length) await Promise.allSettled(moving().map((one) => one.finished));
}"""
"""Modules and styles are there once the page is loaded; what moves then is waited for, but for what moves forever."""


def turn(page: Page, variant: str) -> None:
    """To another theme and width, as it stands. Styles alone know of both, so that it looks as if it were loaded so."""
    page.emulate_media(color_scheme=VARIANTS[variant]["color_scheme"])
    page.set_viewport_size(VARIANTS[variant]["viewport"])
    page.evaluate(REST)


def visit_all(page: Page, site: str, paths: dict[str, str]) -> Iterator[str]:
    """Opens one after the other and gives its name once it has come to rest."""
    for name, path in paths.items():
        page.goto(f"{site}{path}")
        page.evaluate(REST)
        yield name


def addresses(places: dict[str, str], made: dict[str, str]) -> dict[str, str]:
    """Filled in with what `furnished.member` made."""
    return {name: path.format_map(made) for name, path in places.items()}
