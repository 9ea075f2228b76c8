"""Stopping an answer, asking again, going back."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.axe import Axe
from tests.e2e.browser import PHONE
from tests.e2e.conftest import MakeVisitor
from tests.e2e.test_streams import LONG
from tests.e2e.tiny_models import CALLER, slug
from tests.e2e.visitor import ANSWER_MS


def test_stop_keeps_what_was_written(visitor: MakeVisitor) -> None:
    ada = visitor()
    conversation = ada.set_up(max_tokens=900, seed=3)
    ada.ask(LONG)
    ada.wait_for_text(20)
    ada.page.get_by_role("button", name="Stop the answer").click()
    expect(ada.page.get_by_text("Stopped before the end.")).to_be_visible(timeout=30_000)
    stored = ada.stored(conversation)[-1]
    assert stored["job"]["state"] == "cancelled"
    assert len(stored["text"]) > 20
    assert ada.copied_answer() == stored["text"]


def test_an_edited_prompt_is_a_branch_with_a_switcher(visitor: MakeVisitor) -> None:
    ada = visitor()
    ada.set_up(temperature=0, max_tokens=24)
    ada.ask("What is the capital of France?")
    first = ada.wait_for_end()
    prompt = ada.page.locator("article.msg-user").first
    prompt.hover()
    prompt.get_by_role("button", name="Edit").click()
    ada.page.get_by_label("Edit your message").fill("What is the capital of Italy?")
    ada.page.get_by_label("Edit your message").press("Enter")
    expect(ada.page.locator("article.msg-user")).to_contain_text("Italy")
    ada.wait_for_end()
    switcher = ada.page.get_by_role("group", name="Version 2 of 2")
    expect(switcher).to_be_visible()
    switcher.get_by_role("button", name="Earlier version").click()
    expect(ada.page.locator("article.msg-user")).to_contain_text("France")
    expect(ada.answer()).to_have_text(first)
    ada.page.goto(f"{ada.site}/p/{ada.project_id}/conversations/?q=capitals+italy")
    ada.page.locator(".conversation-found a").click()
    sought = ada.page.locator("article.msg-sought")
    expect(sought).to_have_text(re.compile("Italy"))
    expect(sought).to_be_focused()
    expect(sought).to_be_in_viewport()
    address = ada.page.url.split("?")[0] + "#" + (sought.get_attribute("id") or "")
    switcher = ada.page.get_by_role("group", name="Version 2 of 2")
    switcher.get_by_role("button", name="Earlier version").click()
    expect(ada.page.locator("article.msg-user")).to_contain_text("France")
    ada.page.goto(f"{ada.site}/")
    ada.page.goto(address)
    expect(sought).to_have_text(re.compile("Italy"))


def test_answers_of_two_models_beside_each_other(tiny_models: None, visitor: MakeVisitor) -> None:
    ada = visitor(viewport=PHONE, color_scheme="dark")
    page = ada.page
    axe = Axe(page)
    conversation = ada.set_up(temperature=0, max_tokens=24)
    ada.ask("What is the capital of France?")
    first = ada.wait_for_end()
    ada.answers().last.get_by_role("button", name="Compare with other answers").click()
    sheet = page.get_by_role("dialog", name="Answers beside each other")
    expect(sheet).to_contain_text("What is the capital of France?")
    columns = sheet.get_by_role("list", name="Answers").get_by_role("listitem")
    expect(columns).to_have_count(1)
    expect(columns.first).to_contain_text("On show")
    sheet.get_by_label("Model", exact=True).select_option(slug(CALLER))
    sheet.get_by_role("button", name="Ask it").click()
    expect(columns).to_have_count(2)
    expect(columns.last).to_contain_text("word0", timeout=ANSWER_MS)
    expect(columns.first.locator(".msg-body")).to_have_text(first)
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not list(axe.problems())
    assert ada.stored(conversation)[-1]["text"].strip() == first.strip()
    columns.last.get_by_role("button", name="Go on with this one").click()
    expect(sheet).to_be_hidden()
    expect(page.get_by_role("group", name="Version 2 of 2")).to_be_visible()
    expect(ada.answer()).to_contain_text("word0")
