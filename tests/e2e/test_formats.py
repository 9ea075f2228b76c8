"""An answer held to a format: what is wrong is said and kept, what comes is shown as JSON; a prompt brings its own."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from tests.e2e.browser import PHONE, Complaints
from tests.e2e.conftest import MakeVisitor
from tests.e2e.visitor import ANSWER_MS

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"city": {"type": "string", "maxLength": 20}, "large": {"type": "boolean"}},
        "required": ["city", "large"],
        "additionalProperties": False,
    }
)


def test_a_schema_is_set_and_its_answer_shown_as_json(visitor: MakeVisitor, complaints: Complaints) -> None:
    complaints.allowed = ("422 (Unprocessable",)
    ada = visitor(viewport=PHONE)
    page = ada.page
    conversation = ada.set_up(temperature=0, max_tokens=200)
    page.get_by_role("button", name="Model and settings").click()
    page.get_by_label("Answer format").select_option("JSON schema")
    field = page.get_by_label("JSON schema", exact=True)
    field.fill('{"type": "object",}')
    expect(field).to_have_accessible_description(re.compile(r"in line 1, column \d+"))
    page.reload()
    page.get_by_role("button", name="Model and settings").click()
    expect(field).to_have_value('{"type": "object",}')
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill(SCHEMA)
    expect(page.get_by_text("Saved.")).to_be_visible()
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.get_by_role("button", name="Close the settings").click()
    ada.ask("What is the capital of France?")
    ada.wait_for_end()
    answer = ada.answers().last
    expect(answer.locator(".badge")).to_have_text("JSON schema")
    stored = ada.stored(conversation)[-1]["text"]
    assert set(json.loads(stored)) == {"city", "large"}
    assert answer.locator("pre code").inner_text() == json.dumps(json.loads(stored), indent=2, ensure_ascii=False)
    assert ada.copied_answer() == stored
    answer.get_by_role("button", name="Copy", exact=True).click()
    assert page.evaluate("navigator.clipboard.readText()") == stored
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")


def test_a_prompt_brings_its_format_into_a_conversation(visitor: MakeVisitor, complaints: Complaints) -> None:
    complaints.allowed = ("422 (Unprocessable",)
    ada = visitor(viewport=PHONE)
    page = ada.page
    conversation = ada.set_up(temperature=0, max_tokens=40)
    page.goto(f"{ada.site}/prompts/new/")
    page.get_by_label("Title").fill("Yes or no, please")
    page.get_by_label("Prompt", exact=True).fill("Is Paris the capital of France?")
    page.get_by_label("Answer format").select_option("Regular expression")
    expression = page.get_by_label("Regular expression", exact=True)
    expression.fill("(yes|no")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(expression).to_have_accessible_description(re.compile("is never closed"))
    expect(expression).to_have_value("(yes|no")
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    expression.fill("(yes|no), said the model")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("complementary", name="About this prompt")).to_contain_text("Regular expression")
    expect(page.get_by_text("(yes|no), said the model")).to_be_visible()
    page.get_by_role("button", name="Run", exact=True).click()
    answer = page.locator("[data-answers]")
    expect(answer.get_by_role("group", name="Rate this answer")).to_be_visible(timeout=ANSWER_MS)
    expect(answer.locator(".msg-plain")).to_have_text(re.compile("^(yes|no), said the model$"))

    page.goto(conversation)
    page.get_by_label("Your message").fill("/yes or no")
    page.get_by_role("option", name="Yes or no, please").click()
    dialog = page.get_by_role("dialog", name="Yes or no, please")
    expect(dialog.get_by_label("Keep answers in this conversation to its format: Regular expression")).to_be_checked()
    dialog.get_by_role("button", name="Insert").click()
    expect(dialog).to_be_hidden()
    page.get_by_label("Your message").press("Enter")
    ada.wait_for_end()
    expect(ada.answers().last.locator(".badge")).to_have_text("Regular expression")
    assert re.fullmatch("(yes|no), said the model", ada.stored(conversation)[-1]["text"])
