"""Tools of a conversation on its page: declared, refused in words and kept, called; and where none can be."""

from __future__ import annotations

import json
import re

from playwright.sync_api import expect

from tests.e2e.browser import PHONE, Complaints
from tests.e2e.conftest import MakeVisitor
from tests.e2e.tiny_models import CALLER, slug


def test_tools_are_declared_and_called(tiny_models: None, visitor: MakeVisitor, complaints: Complaints) -> None:
    complaints.allowed = ("422 (Unprocessable",)
    ada = visitor(viewport=PHONE)
    page = ada.page
    conversation = ada.set_up(slug(CALLER), temperature=0, max_tokens=500)
    page.get_by_role("button", name="Model and settings").click()
    field = page.get_by_label("Tools", exact=True)
    field.fill('[{"type": "function"}]')
    expect(field).to_have_accessible_description(re.compile("Tool 1 must have the form"))
    page.reload()
    page.get_by_role("button", name="Model and settings").click()
    expect(field).to_have_value('[{"type": "function"}]')
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("")
    page.locator("[data-tools]").get_by_role("button", name="Insert an example").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    expect(field).not_to_have_attribute("aria-invalid", "true")
    assert json.loads(field.input_value())[0]["function"]["name"] == "get_weather"
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    page.get_by_role("button", name="Close the settings").click()
    ada.ask("How is it in Paris?")
    ada.wait_for_end()
    expect(ada.answers().last.get_by_role("group", name="Tool call")).to_contain_text("get_tide")
    with_tools = ada.stored(conversation)[-1]["job"]["usage"]["prompt_tokens"]
    assert with_tools > 150
    result = page.get_by_label("Result of get_tide")
    send = page.get_by_role("button", name="Send the result")
    send.click()
    expect(page.get_by_role("alert").filter(has_text="Write what this call gave")).to_be_visible()
    expect(result).to_be_focused()
    result.fill('{"high": "10:42"}')
    page.reload()
    expect(result).to_have_value('{"high": "10:42"}')
    send.click()
    expect(page.get_by_role("article", name="Result of get_tide")).to_contain_text("10:42")
    expect(ada.answers()).to_have_count(2)
    ada.wait_for_end()
    expect(page.get_by_label("Result of get_tide", exact=True).locator("visible=true")).to_have_count(2)
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert page.evaluate("Object.keys(localStorage).filter((key) => key.includes('results'))") == []
    kinds = [(message["role"], message["text"]) for message in ada.stored(conversation)[:3]]
    assert kinds[2] == ("tool", '{"high": "10:42"}')


def test_a_model_that_knows_no_tools_says_so(visitor: MakeVisitor, complaints: Complaints) -> None:
    complaints.allowed = ("422 (Unprocessable",)
    ada = visitor()
    page = ada.page
    tool = {"type": "function", "function": {"name": "now"}}
    ada.set_up(temperature=0, max_tokens=5, tools=[tool])
    page.get_by_role("button", name="Model and settings").click()
    field = page.get_by_label("Tools", exact=True)
    assert json.loads(field.input_value()) == [tool]
    expect(field).to_have_accessible_description(re.compile("can’t be told of tools: its chat template knows none"))
    page.get_by_role("button", name="Close the settings").click()
    ada.ask("What time is it?")
    expect(page.get_by_text("can't be told of tools").first).to_be_visible()
    expect(page.get_by_label("Your message")).to_have_value("What time is it?")
