"""Pictures of every main page, light and dark, wide and narrow: python -m tests.e2e.screenshots FOLDER

For those who design: starts a site with data of its own, fills it with a little of everything, and looks.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import django
from playwright.sync_api import Browser, expect

os.environ |= {"ATRIUM_ENV": "test", "DJANGO_SETTINGS_MODULE": "aiplatform.settings"}
django.setup()

from tests.demo_model import ensure_demo_store  # noqa: E402  (needs Django set up, as all below)
from tests.e2e.administrator import sign_in_as_admin  # noqa: E402
from tests.e2e.browser import Complaints, chromium, new_page  # noqa: E402
from tests.e2e.places import CONSOLE, OUTSIDE, VARIANTS, inside, visit_all  # noqa: E402
from tests.e2e.site import running_site  # noqa: E402
from tests.e2e.visitor import Visitor  # noqa: E402

QUESTIONS = (
    "What is the capital of France?",
    "Show me a loop in Python, in a code block.",
    "Name three things to see in Rome, as a list.",
)


def member(browser: Browser, site: str) -> tuple[Any, dict[str, str]]:
    """Somebody with a conversation: their cookies, and the addresses of what they may see."""
    ada = Visitor(new_page(browser, Complaints()), site)
    ada.sign_up()
    ada.create_project("Lighthouse")
    project = ada.project_id
    conversation = ada.new_conversation()
    ada.post(f"{conversation}settings/", {"params": {"max_tokens": 160, "seed": 7}})
    ada.page.reload()
    for number, question in enumerate(QUESTIONS, 1):
        ada.ask(question)
        expect(ada.answers()).to_have_count(number)
        ada.wait_for_end()
    return ada.page.context.storage_state(), inside(ada, conversation, project)


def take(browser: Browser, site: str, target: Path, addresses: dict[str, str], state: Any = None) -> None:
    for variant, options in VARIANTS.items():
        page = new_page(browser, Complaints(), storage_state=state, **options)
        for name in visit_all(page, site, addresses):
            page.screenshot(path=target / f"{name}-{variant}.png")
        page.context.close()


def main(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="atrium-look-") as folder,
        running_site(Path(folder), ensure_demo_store()) as site,
        chromium() as browser,
    ):
        state, addresses = member(browser, site)
        take(browser, site, target, OUTSIDE)
        take(browser, site, target, addresses, state)
        take(browser, site, target, CONSOLE, sign_in_as_admin(browser, site, Path(folder)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
