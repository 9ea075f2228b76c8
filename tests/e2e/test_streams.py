"""Whatever happens to the reader, the text they end up with is the stored one."""

from __future__ import annotations

import time

from playwright.sync_api import expect

from tests.e2e.browser import Complaints
from tests.e2e.conftest import MakeVisitor
from tests.e2e.relay import Relay
from tests.e2e.visitor import Visitor

LONG = "Write a story of several paragraphs about a lighthouse keeper and the sea."
DISCONNECTED = ("WebSocket connection", "ERR_CONNECTION", "ERR_EMPTY_RESPONSE", "ERR_SOCKET", "Failed to fetch")


def _assert_exact(reader: Visitor, conversation: str) -> None:
    """What the page shows and holds is what the site has stored, and what a fresh page shows."""
    shown, copied = reader.wait_for_end(), reader.copied_answer()
    stored = reader.stored(conversation)[-1]
    assert stored["job"]["state"] == "succeeded"
    assert copied == stored["text"]
    reader.page.reload()
    assert reader.wait_for_end() == shown


def test_a_reload_in_mid_stream_and_a_second_browser_of_the_same_person(visitor: MakeVisitor) -> None:
    ada = visitor()
    conversation = ada.set_up(max_tokens=80, seed=7)
    ada.ask(LONG)
    before = ada.wait_for_text(40)
    ada.page.reload()
    after = ada.wait_for_text(len(before) - 1)
    assert after.startswith(before[:40])
    phone = visitor(storage_state=ada.page.context.storage_state(), has_touch=True)
    phone.page.goto(conversation)
    phone.wait_for_text(40)
    _assert_exact(phone, conversation)
    edit = phone.page.locator("article.msg-user").get_by_role("button", name="Edit")
    expect(edit).to_have_css("opacity", "1")  # nothing hovers over a touch screen
    _assert_exact(ada, conversation)


def test_a_connection_cut_for_five_seconds(visitor: MakeVisitor, relay: Relay, complaints: Complaints) -> None:
    complaints.allowed = DISCONNECTED
    ada = visitor(at=relay.url)
    conversation = ada.set_up(max_tokens=60, seed=9)
    ada.ask(LONG)
    ada.wait_for_text(40)
    relay.cut()
    expect(ada.page.locator("[data-connection]")).to_be_visible()
    time.sleep(5)
    relay.mend()
    expect(ada.page.locator("[data-connection]")).to_be_hidden(timeout=40_000)
    _assert_exact(ada, conversation)
