"""Two people in one conversation."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.conftest import MakeVisitor
from tests.e2e.visitor import Visitor


def _join(owner: Visitor, guest: Visitor) -> None:
    """The owner makes a link, the guest follows it."""
    page = owner.page
    page.goto(f"{owner.site}/p/{owner.project_id}/members/")
    page.get_by_role("button", name="Invite").or_(page.get_by_role("button", name="Make a link")).first.click()
    link = page.locator("input[readonly]").first.input_value()
    guest.page.goto(link)
    guest.page.get_by_role("button", name="Join").click()
    guest.page.wait_for_url("**/p/*/conversations/")


def test_two_people_see_each_other_and_the_same_tokens(visitor: MakeVisitor) -> None:
    ada, bob = visitor(), visitor()
    bob.sign_up("Bob Martin")
    ada.sign_up("Ada Lovelace")
    ada.create_project("Lighthouse")
    _join(ada, bob)
    conversation = ada.new_conversation(params={"max_tokens": 40, "seed": 5})
    bob.page.goto(conversation)
    expect(ada.page.get_by_text("Also here: Bob Martin")).to_be_attached()
    expect(bob.page.get_by_text("Also here: Ada Lovelace")).to_be_attached()
    ada.page.get_by_label("Your message").press_sequentially("Tell me")
    expect(bob.page.get_by_text("Ada Lovelace is typing…")).to_be_visible()
    ada.ask("Tell me about the sea, in a few sentences.")
    bob.wait_for_text(10)
    assert bob.wait_for_end() == ada.wait_for_end()
    assert bob.stored(conversation)[-1]["text"] == ada.copied_answer()
