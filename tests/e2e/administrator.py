"""The first administrator, who comes by the link that the site printed at its start."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from tests.e2e.browser import Complaints, new_page
from tests.world import PASSWORD


def sign_in_as_admin(browser: Browser, site: str, data: Path) -> Any:
    """Follows the link and completes the account. Returns the cookies."""
    found = re.search(r"http\S+/sign-in/\S+", (data / "logs" / "up.log").read_text())
    assert found, "the site printed no sign-in link"
    page = new_page(browser, Complaints())
    page.goto(found.group())
    page.locator("main, body").last.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site}/**")
    if "/me/complete" not in page.url:
        page.goto(f"{site}/me/complete/")
    page.get_by_label("Email").fill("admin@example.org")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.locator("form:has(input[name=email]) button[type=submit]").click()
    page.wait_for_url(lambda url: "/me/complete" not in url)
    return page.context.storage_state()
