"""A newcomer's way to their first answer."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.conftest import MakeVisitor
from tests.e2e.visitor import Visitor
from tests.world import PASSWORD


def sign_up(ada: Visitor) -> None:
    page = ada.page
    page.goto(f"{ada.site}/accounts/signup/")
    page.get_by_label("Email").fill(ada.email)
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Create account").click()
    page.wait_for_url(lambda url: "/accounts/signup" not in url)


def create_project(ada: Visitor) -> None:
    page = ada.page
    page.goto(f"{ada.site}/projects/new/")
    page.get_by_label("Name", exact=True).fill("Lighthouse")
    page.locator("main").get_by_role("button", name="Create").click()
    page.wait_for_url("**/p/*/conversations/")


def new_conversation(ada: Visitor) -> str:
    """With answers that depend on nothing but the question. Returns its address."""
    page = ada.page
    page.locator("main").get_by_role("button", name="New conversation").first.click()
    page.wait_for_url("**/c/*/")
    ada.post(f"{page.url}settings/", {"params": {"temperature": 0}})
    return page.url


def test_sign_up_create_a_project_ask_and_watch_the_answer_arrive(visitor: MakeVisitor) -> None:
    ada = visitor()
    sign_up(ada)
    create_project(ada)
    conversation = new_conversation(ada)
    ada.page.evaluate("""() => {
        window.lengths = new Set();
        new MutationObserver(() => {
            const body = document.querySelector("article.msg-assistant .msg-body");
            if (body?.innerText.trim()) window.lengths.add(body.innerText.length);
        }).observe(document.body, {subtree: true, childList: true, characterData: true});
    }""")
    ada.ask("What is the capital of France?")
    assert "Paris" in ada.wait_for_end()
    assert len(ada.page.evaluate("[...window.lengths]")) > 1, "the answer came all at once"
    question, answer = ada.stored(conversation)
    assert question["text"] == "What is the capital of France?"
    assert answer["text"] == ada.copied_answer()
    assert answer["job"]["state"] == "succeeded"
    assert answer["job"]["usage"]["completion_tokens"] > 1
    expect(ada.page.get_by_text("tokens/s")).to_be_visible()
