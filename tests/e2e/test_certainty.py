"""Settings about single words: how sure the model was of each, and which ones to avoid."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.e2e.browser import PHONE, Complaints
from tests.e2e.conftest import MakeVisitor


def test_words_of_an_answer_say_how_sure_the_model_was(visitor: MakeVisitor, complaints: Complaints) -> None:
    ada = visitor(viewport=PHONE)
    page = ada.page
    conversation = ada.set_up(temperature=0, max_tokens=24)
    page.get_by_role("button", name="Model and settings").click()
    page.get_by_label("Show how sure the model was").check()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_role("button", name="Close the settings").click()
    ada.ask("What is the capital of France?")
    ada.wait_for_end()
    page.reload()
    answer = ada.answers().last
    said = ada.stored(conversation)[-1]["text"]
    toggle = answer.get_by_role("button", name="How sure the model was")
    expect(toggle).to_have_attribute("aria-pressed", "false")
    toggle.click()
    words = answer.get_by_role("group", name=re.compile("word by word"))
    expect(words).to_be_visible()
    expect(answer.locator(".msg-body")).to_be_hidden()
    assert said in "".join(words.locator(".token").all_text_contents()).replace("↵", "\n")
    first = words.get_by_role("button").first
    first.press("ArrowRight")
    second = words.get_by_role("button").nth(1)
    expect(second).to_be_focused()
    expect(second).to_have_accessible_name(re.compile(r"\d %$"))
    expect(second).to_have_accessible_description(re.compile("Instead of it"))
    expect(answer.get_by_role("listitem")).to_have_count(4)
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    toggle.click()
    expect(answer.locator(".msg-body")).to_be_visible()
    assert complaints.heard == []


def test_a_word_is_avoided_and_what_can_not_be_is_said_beside_it(visitor: MakeVisitor, complaints: Complaints) -> None:
    complaints.allowed = ("422 (Unprocessable",)
    ada = visitor(viewport=PHONE)
    page = ada.page
    conversation = ada.set_up(temperature=0, max_tokens=24)
    page.get_by_role("button", name="Model and settings").click()
    words = page.get_by_role("group", name="Words to avoid or favour")
    words.get_by_role("button", name="Add a word").click()
    word = words.get_by_label("Word", exact=True)
    word.fill("incontrovertible")
    expect(word).to_have_accessible_description(re.compile(r"is written as \d+ tokens"))
    page.reload()
    page.get_by_role("button", name="Model and settings").click()
    expect(word).to_have_value("incontrovertible")
    expect(word).to_have_attribute("aria-invalid", "true")
    word.fill("Paris")
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.get_by_role("button", name="Close the settings").click()
    ada.ask("What is the capital of France?")
    ada.wait_for_end()
    assert "Paris" not in ada.stored(conversation)[-1]["text"]
    page.reload()
    page.get_by_role("button", name="Model and settings").click()
    expect(word).to_have_value("Paris")
    expect(words.get_by_label("How much")).to_have_value("-100")
