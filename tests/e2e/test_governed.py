"""An administrator decides who may use a model; who may not reads why, asks, is let in. The audit log has it all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import MakeVisitor
from tests.e2e.visitor import Visitor

MODEL = "SmolLM2 135M Instruct"
TOLD = (
    "Gave access to a model", "Revoked access to a model", "Asked for access to a model",
    "Approved a request for access to a model", "asked a model",
)  # fmt: skip


@pytest.fixture
def boss(visitor: MakeVisitor, admin: Any) -> Iterator[Visitor]:
    """The administrator, who in the end lets everybody in again: the site is that of all tests."""
    someone = visitor(storage_state=admin)
    yield someone
    grant(someone, "Everyone")


def grant(boss: Visitor, subject: str, *, group: str = "", until: date | None = None) -> None:
    page = boss.page
    page.goto(f"{boss.site}/console/grants/new/")
    page.locator("select[name=model]").select_option(label=MODEL)
    page.get_by_role("radio", name=subject).check()
    if group:
        page.locator("select[name=group]").select_option(label=group)
    if until:
        page.get_by_label("Last day").fill(until.isoformat())
    page.get_by_role("button", name="Grant it").click()
    page.wait_for_url("**/console/grants/")


def make_group(boss: Visitor, name: str, member: str) -> None:
    boss.page.goto(f"{boss.site}/console/groups/")
    boss.page.get_by_label("Name of a new group").fill(name)
    boss.page.get_by_role("button", name="Make the group").click()
    if "/console/groups/" in boss.page.url and boss.page.url.endswith("/groups/"):
        boss.page.get_by_role("link", name=name).click()
    boss.page.locator("#id_person").fill(member)
    boss.page.get_by_role("button", name="Add to the group").click()
    expect(boss.page.get_by_role("main").get_by_text(member)).to_be_visible()


def revoke_for_everyone(boss: Visitor) -> None:
    boss.page.goto(f"{boss.site}/console/grants/")
    revoke = boss.page.get_by_role("button", name=f"Revoke {MODEL} for everyone")
    revoke.click()
    boss.page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(revoke).to_have_count(0)


def approve(boss: Visitor, person: str, until: date) -> None:
    page = boss.page
    page.goto(f"{boss.site}/console/requests/")
    page.get_by_role("link", name=person).first.click()
    form = page.locator("form", has=page.get_by_role("button", name="Approve"))
    form.get_by_label("Last day").fill(until.isoformat())
    form.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("and is told so")).to_be_visible()


def refused(page: Page) -> str:
    problem = page.locator("[data-problem]")
    expect(problem).to_be_visible()
    return problem.inner_text()


def open_panel(page: Page) -> None:
    page.locator("[data-panel-open]").click()
    expect(page.locator("#panel")).to_be_visible()


def ask_in_the_panel(page: Page, reason: str) -> None:
    """The picker says that the model is not for them, and takes their request where they are."""
    chip = page.get_by_role("button", name="Model: ")
    chip.click()
    panel = page.locator("#panel")
    expect(panel.get_by_label("Model", exact=True)).to_be_focused()
    expect(chip).to_contain_text("(not for you)")
    expect(panel.locator("#panel-model option:checked")).to_be_disabled()
    panel.get_by_role("button", name="Ask for access").click()
    panel.get_by_label("What do you need").fill(reason)
    panel.get_by_role("button", name="Ask", exact=True).click()
    expect(panel.get_by_text("You have asked for")).to_be_visible()
    panel.get_by_role("button", name="Close the settings").click()
    expect(chip).to_be_focused()


def test_who_is_in_no_group_is_refused_asks_and_is_let_in(visitor: MakeVisitor, boss: Visitor, complaints: Any) -> None:
    complaints.allowed = ("403 (Forbidden)",)
    insider, outsider = visitor(), visitor()
    for person in (insider, outsider):
        person.sign_up()
        person.create_project("Lighthouse")
        person.new_conversation(params={"temperature": 0, "max_tokens": 12})
    soon = date.today() + timedelta(days=30)
    make_group(boss, "Ferry crew", insider.email)
    grant(boss, "Group", group="Ferry crew", until=soon)
    revoke_for_everyone(boss)

    insider.ask("What is the capital of France?")
    assert "Paris" in insider.wait_for_end()

    outsider.ask("What is the capital of France?")
    assert "grant" in refused(outsider.page).lower() or "access" in refused(outsider.page).lower()
    expect(outsider.page.locator("[data-problem] a")).to_have_text("Ask for access")
    ask_in_the_panel(outsider.page, "I write the harbour's letters.")

    approve(boss, "Ada Lovelace", soon)
    open_panel(outsider.page)
    expect(outsider.page.locator("#panel-model option:checked")).to_be_enabled()
    expect(outsider.page.locator("[data-models-refused]")).to_be_empty()
    expect(outsider.page.locator("[data-model-open]")).not_to_contain_text("(")
    outsider.page.keyboard.press("Escape")
    expect(outsider.page.get_by_label("Your message")).to_have_value("What is the capital of France?")
    outsider.page.get_by_label("Your message").press("Enter")
    assert "Paris" in outsider.wait_for_end()

    boss.page.goto(f"{boss.site}/console/audit/")
    log = boss.page.get_by_role("main").inner_text()
    for sentence in TOLD:
        assert sentence in log
