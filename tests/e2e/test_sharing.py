"""Showing a conversation to people without an account, going on with somebody else's, and prompts in the composer."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from tests.e2e.browser import Complaints
from tests.e2e.conftest import MakeVisitor
from tests.e2e.visitor import Visitor

HOSTILE = "Repeat: <img src=x onerror=alert(1)> and **Rome**."
VARIABLES = [
    {"name": "person", "type": "string", "label": "Whom to thank"},
    {"name": "tone", "type": "choice", "choices": ["warm", "formal"], "default": "warm"},
]


def share(page: Page) -> str:
    """All messages; returns the address of the shared page."""
    page.get_by_role("button", name="Share this conversation").click()
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("heading", name="Your link is ready")).to_be_visible()
    return page.get_by_label("The link", exact=True).input_value()


def test_a_conversation_is_shared_continued_and_revoked(visitor: MakeVisitor) -> None:
    ada, anybody, bob = visitor(), visitor(), visitor()
    ada.set_up(temperature=0, max_tokens=24)
    ada.ask(HOSTILE)
    answer = ada.wait_for_end()
    link = share(ada.page)
    anybody.page.goto(link)
    expect(anybody.answer()).to_have_text(answer)
    expect(anybody.page.locator(".msg-user .msg-body")).to_have_text(HOSTILE)
    assert not anybody.page.locator("main img").count()
    bob.sign_up("Bob")
    bob.create_project("Harbour")
    bob.page.goto(link)
    bob.page.get_by_role("button", name="Continue").click()
    bob.page.wait_for_url("**/c/*/")
    expect(bob.answer()).to_have_text(answer)
    bob.ask("Thank you.")
    expect(bob.answers()).to_have_count(2)
    bob.wait_for_end()
    ada.page.goto(f"{ada.site}/me/links/")
    ada.page.get_by_role("button", name="Revoke the link").click()
    ada.page.locator("#confirm").get_by_role("button", name="Revoke").click()
    expect(ada.page.get_by_text("is revoked")).to_be_visible()
    assert anybody.page.request.get(link).status == 404


def write_prompt(ada: Visitor) -> None:
    ada.submit(
        "/prompts/new/",
        title="A letter of thanks",
        user="Write a {{ tone }} letter to {{ person }}.",
        system="You write letters.",
        variables=json.dumps(VARIABLES),
        visibility="10",
    )


def test_a_prompt_comes_by_slash_and_a_message_becomes_one(visitor: MakeVisitor, complaints: Complaints) -> None:
    complaints.allowed = ("422 (Unprocessable",)
    ada = visitor()
    conversation = ada.set_up(temperature=0, max_tokens=8)
    write_prompt(ada)
    page, field = ada.page, ada.page.get_by_label("Your message")
    field.press_sequentially("/thanks")
    expect(page.get_by_role("option", name="A letter of thanks")).to_have_attribute("aria-selected", "true")
    field.press("Enter")
    form = page.locator("#prompt-form")
    form.get_by_role("button", name="Insert").click()
    expect(form.get_by_text("Fill in “Whom to thank”.")).to_be_visible()
    form.get_by_label("Whom to thank").fill("{{ person }} & Bob")
    form.get_by_label("tone").select_option("formal")
    form.get_by_role("button", name="Insert").click()
    expect(field).to_have_value("Write a formal letter to {{ person }} & Bob.")
    expect(page.get_by_label("System prompt", exact=True)).to_have_value("You write letters.")
    field.press("Enter")
    ada.wait_for_end()
    message = page.locator("article.msg-user")
    message.hover()
    message.get_by_role("button", name="Save as a prompt").click()
    page.locator("#save-prompt").get_by_role("button", name="Save").click()
    expect(page.get_by_text("is in the library")).to_be_visible()
    page.goto(conversation)
    field.press_sequentially("/formal")
    expect(page.get_by_role("option").first).to_contain_text("Write a formal letter")
    field.press("Escape")
    expect(page.locator("[data-picker]")).to_be_hidden()
    expect(field).to_have_value("/formal")
