"""What a person does on our pages, by the words that they see."""

from __future__ import annotations

import secrets
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.world import PASSWORD

ANSWER_MS = 180_000
"""How long an answer may take on a small, busy machine; the first one waits for the model to load."""


class Visitor:
    """One person at one page of `site`, an address without a slash at its end."""

    def __init__(self, page: Page, site: str) -> None:
        self.page = page
        self.site = site
        self.email = f"{secrets.token_hex(5)}@example.org"

    def sign_up(self, name: str = "Ada Lovelace") -> None:
        self.page.goto(f"{self.site}/accounts/signup/")
        self.page.get_by_label("Email").fill(self.email)
        if (field := self.page.get_by_label("Your name")).count():
            field.fill(name)
        self.page.get_by_label("Password", exact=True).fill(PASSWORD)
        self.page.get_by_role("button", name="Create account").click()
        self.page.wait_for_url(lambda url: "/accounts/signup" not in url)

    def create_project(self, name: str) -> None:
        self.page.goto(f"{self.site}/projects/new/")
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.locator("main").get_by_role("button", name="Create").click()
        self.page.wait_for_url("**/p/*/conversations/")

    @property
    def project_id(self) -> str:
        return self.page.url.split("/p/")[1].split("/")[0]

    def new_conversation(self) -> str:
        """Returns its address."""
        self.page.locator("main").get_by_role("button", name="New conversation").first.click()
        self.page.wait_for_url("**/c/*/")
        return self.page.url

    def set_up(self, **params: Any) -> str:
        """A person with a project and a conversation that has these sampling parameters. Returns its address."""
        self.sign_up()
        self.create_project("Lighthouse")
        address = self.new_conversation()
        self.post(f"{address}settings/", {"params": params})
        self.page.reload()
        return address

    def post(self, url: str, data: dict[str, Any]) -> None:
        cookies = {cookie["name"]: cookie["value"] for cookie in self.page.context.cookies(self.site)}
        headers = {"X-CSRFToken": cookies["csrftoken"], "Referer": url, "Origin": self.site}
        response = self.page.request.post(url, data=data, headers=headers)
        assert response.ok, response.text()

    def ask(self, text: str) -> None:
        self.page.get_by_label("Your message").fill(text)
        self.page.get_by_label("Your message").press("Enter")

    def answers(self) -> Locator:
        return self.page.locator("article.msg-assistant")

    def answer(self) -> Locator:
        """The text of the latest answer."""
        return self.answers().last.locator(".msg-body")

    def wait_for_text(self, longer_than: int = 0) -> str:
        """Wait until more of the answer is there than so many characters."""
        script = """length => {
            const all = document.querySelectorAll("article.msg-assistant .msg-body");
            return all.length && all[all.length - 1].innerText.trim().length > length;
        }"""
        self.page.wait_for_function(script, arg=longer_than, timeout=ANSWER_MS)
        return self.answer().inner_text()

    def wait_for_end(self) -> str:
        """Wait until the latest answer is over. Returns its text as it is shown."""
        expect(self.answers().last).to_be_visible(timeout=ANSWER_MS)
        expect(self.answers().last).not_to_have_attribute("aria-busy", "true", timeout=ANSWER_MS)
        expect(self.answers().last.get_by_role("button", name="Copy this message")).to_be_visible()
        return self.answer().inner_text()

    def copied_answer(self) -> str:
        """The very text that this page holds, by its own copy button."""
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=self.site)
        self.answers().last.hover()
        self.answers().last.get_by_role("button", name="Copy this message").click()
        text: str = self.page.evaluate("navigator.clipboard.readText()")
        return text

    def stored(self, conversation: str) -> list[dict[str, Any]]:
        """The messages as the site has stored them."""
        messages: list[dict[str, Any]] = self.page.request.get(f"{conversation}messages/").json()["messages"]
        return messages
