"""Chromium as the tests drive it, and what each page complained of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, WebError, expect, sync_playwright

PATIENCE_MS = 30_000
"""For whatever a page does at once, where the machine is busy with all the other tests."""
expect.set_options(timeout=PATIENCE_MS)
DESKTOP = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
"""The first is the same browser without windows and menus, which nobody looks at here."""


@contextmanager
def chromium() -> Iterator[Browser]:
    """CHROMIUM names the program where it is another one."""
    names = (os.environ.get("CHROMIUM", ""), *PROGRAMS)
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    assert found, "There is no chromium; `make browser` installs it."
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Complaints:
    """What the browser's console said of our pages: errors, exceptions, breaches of the Content-Security-Policy."""

    allowed: tuple[str, ...] = ()
    heard: list[str] = field(default_factory=list)

    def listen(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", self._exception)

    def forget(self, context: BrowserContext) -> None:
        context.remove_listener("console", self._console)
        context.remove_listener("weberror", self._exception)

    def _exception(self, error: WebError) -> None:
        self._add(f"exception: {error.error}")

    def _console(self, message: ConsoleMessage) -> None:
        if message.type == "error" or "Content Security Policy" in message.text:
            self._add(f"{message.text} ({message.location.get('url', '')})")

    def _add(self, text: str) -> None:
        if not any(part in text for part in self.allowed):
            self.heard.append(text)


def clean(page: Page, site: str) -> None:
    """As if nobody had used it, but for the process and the files that it has loaded: at a page without scripts."""
    for other in page.context.pages:
        if other != page:
            other.close()
    page.goto(f"{site}/healthz")
    page.mouse.move(0, 0)
    page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    page.context.clear_cookies()
    page.context.clear_permissions()


def new_page(browser: Browser, complaints: Complaints, **options: Any) -> Page:
    """A page in a context of its own: another person, or the same one at another device."""
    context = browser.new_context(**({"viewport": DESKTOP, "reduced_motion": "reduce"} | options))
    context.set_default_timeout(PATIENCE_MS)
    complaints.listen(context)
    return context.new_page()
