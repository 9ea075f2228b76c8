"""Pictures of every page, light and dark, wide and narrow: python -m tests.e2e.screenshots FOLDER

For those who design: starts a site with data of its own, fills it with a little of everything, and looks.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import django
from playwright.sync_api import Browser

os.environ |= {"ATRIUM_ENV": "test", "DJANGO_SETTINGS_MODULE": "aiplatform.settings"}
django.setup()

from tests.demo_model import ensure_demo_store  # noqa: E402  (needs Django set up, as all below)
from tests.e2e.administrator import sign_in_as_admin  # noqa: E402
from tests.e2e.browser import Complaints, chromium, new_page  # noqa: E402
from tests.e2e.furnished import member  # noqa: E402
from tests.e2e.places import CONSOLE, INSIDE, OUTSIDE, VARIANTS, addresses, visit_all  # noqa: E402
from tests.e2e.site import running_site  # noqa: E402

QUESTIONS = (
    "What is the capital of France?",
    "Show me a loop in Python, in a code block.",
    "Name three things to see in Rome, as a list.",
)


def take(browser: Browser, site: str, target: Path, paths: dict[str, str], state: Any = None) -> None:
    for variant, options in VARIANTS.items():
        page = new_page(browser, Complaints(), storage_state=state, **options)
        for name in visit_all(page, site, paths):
            page.screenshot(path=target / f"{name}-{variant}.png", full_page=True)
        page.context.close()


def main(target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with (
        tempfile.TemporaryDirectory(prefix="atrium-look-") as folder,
        running_site(Path(folder), ensure_demo_store()) as site,
        chromium() as browser,
    ):
        admin = sign_in_as_admin(browser, site, Path(folder))
        state, made = member(browser, site, Path(folder), QUESTIONS, tokens=100)
        take(browser, site, target, OUTSIDE)
        take(browser, site, target, addresses(INSIDE, made), state)
        take(browser, site, target, addresses(CONSOLE, made), admin)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
