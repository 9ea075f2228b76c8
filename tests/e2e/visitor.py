"""What a person does on our pages, by the words that they see."""

from __future__ import annotations

import secrets
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.world import PASSWORD

ANSWER_MS = 180_000
"""How long an answer may take on a small, busy machine; the first one waits for the model to load."""


class Visitor:
    """One person at one page of `site`, an address without a slash at its end. `regular` are the cookies of somebody
    who has an account already."""

    def __init__(self, page: Page, site: str, regular: Any = ()) -> None:
        self.page = page
        self.site = site
        self.regular = regular
        self.email = f"{secrets.token_hex(5)}@example.org"
        self.project_id = ""

    def sign_up(self, name: str = "Ada Lovelace") -> None:
        """What the page's form sends, with no page drawn, as below: test_first_prompt does it all on the pages."""
        self.page.request.get(f"{self.site}/accounts/signup/")  # brings the cookie for forms
        self.submit("/accounts/signup/", display_name=name, email=self.email, password1=PASSWORD)

    def come_in(self) -> None:
        """As somebody who has been here before, with a new project: hashing a password for everybody takes long."""
        self.page.context.add_cookies(self.regular)
        self.create_project("Lighthouse")

    def create_project(self, name: str) -> None:
        self.project_id = self.submit("/projects/new/", name=name).split("/p/")[1].split("/")[0]

    def new_conversation(self, **settings: Any) -> str:
        """Opens it. Returns its address."""
        address = f"{self.site}{self.submit(f'/p/{self.project_id}/conversations/new/')}"
        self.post(f"{address}settings/", settings)
        self.page.goto(address)
        return address

    def set_up(self, model: str = "", **params: Any) -> str:
        """A project with a conversation that has these sampling parameters. Returns its address."""
        self.come_in()
        return self.new_conversation(params=params, **({"model": model} if model else {}))

    def submit(self, path: str, **form: str) -> str:
        """Send a form. Returns where it leads."""
        url = f"{self.site}{path}"
        response = self.page.request.post(url, form=form, headers=self._headers(url), max_redirects=0)
        assert response.status == 302, response.text()
        return response.headers["location"]

    def post(self, url: str, data: dict[str, Any]) -> None:
        response = self.page.request.post(url, data=data, headers=self._headers(url))
        assert response.ok, response.text()

    def _headers(self, url: str) -> dict[str, str]:
        cookies = {cookie["name"]: cookie["value"] for cookie in self.page.context.cookies(self.site)}
        return {"X-CSRFToken": cookies["csrftoken"], "Referer": url, "Origin": self.site}

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
