"""An answer held to a JSON schema: what is wrong is said and kept, what comes is shown as JSON."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from tests.e2e.browser import PHONE, Complaints
from tests.e2e.conftest import MakeVisitor

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
