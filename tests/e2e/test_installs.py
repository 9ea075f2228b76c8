"""An administrator installs a model of the hub in the console, and sees it come without loading the page again."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

from tests.catalog.hub import Hub
from tests.e2e.conftest import MakeVisitor


def test_a_model_comes_while_one_looks(visitor: MakeVisitor, admin: Any, hub: tuple[Hub, str]) -> None:
    boss = visitor(storage_state=admin)
    page = boss.page
    page.goto(f"{boss.site}/console/models/")
    page.get_by_role("link", name="Install a model").click()
    page.get_by_label("Model", exact=True).fill("tiny/llama")
    page.get_by_role("button", name="What is it?", exact=True).click()
    expect(page.get_by_text("Nothing stands against it")).to_be_visible()
    page.get_by_role("button", name="Install it").click()
    page.wait_for_url("**/console/installs/")
    page.evaluate("window.stayed = true")
    row = page.locator("[data-install]")
    expect(row.get_by_text("Downloading", exact=True)).to_be_visible(timeout=30_000)
    expect(page.get_by_role("progressbar", name="Downloading tiny/llama")).to_be_visible()
    page.get_by_role("button", name="Cancel tiny/llama").focus()
    hub[0].held["model.safetensors"].set()
    expect(page.get_by_role("status").get_by_text("tiny/llama: Installed")).to_be_attached(timeout=30_000)
    expect(row.get_by_role("link", name="Approve it")).to_be_focused()
    assert page.evaluate("window.stayed")
    row.get_by_role("link", name="Approve it").click()
    expect(page.get_by_role("radio", name="Proposed")).to_be_checked()
