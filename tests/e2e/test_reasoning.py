"""A model that thinks, in a real site: what it thinks is folded above its answer, and both are exact after reloads."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, expect

from tests.e2e.conftest import MakeVisitor
from tests.e2e.tiny_models import THINKER, THOUGHTS, WORDS, slug
from tests.e2e.visitor import ANSWER_MS, Visitor

THOUGHT, ANSWER = "".join(THOUGHTS).strip(), "".join(WORDS)


def ask(ada: Visitor) -> str:
    """Returns the address of the conversation."""
    conversation = ada.set_up(slug(THINKER), temperature=0, max_tokens=500)
    ada.ask("What is a tide?")
    return conversation


def fold(ada: Visitor) -> Locator:
    return ada.answers().last.locator("details.thinking")


def test_thoughts_are_folded_opened_and_exact_after_a_reload(tiny_models: None, visitor: MakeVisitor) -> None:
    ada = visitor()
    conversation = ask(ada)
    expect(fold(ada).locator("summary")).to_contain_text("Thinking… ", timeout=ANSWER_MS)
    ada.page.reload()
    expect(fold(ada).locator("summary")).to_be_visible(timeout=ANSWER_MS)
    ada.wait_for_text(10)
    ada.page.reload()
    shown = ada.wait_for_end()
    stored = ada.stored(conversation)[-1]
    assert (stored["reasoning"], stored["text"]) == (THOUGHT, ANSWER)
    assert stored["job"]["usage"]["reasoning_tokens"] == len(THOUGHTS) + 1
    assert shown == ANSWER.strip()
    assert ada.copied_answer() == ANSWER
    expect(fold(ada).locator("summary")).to_contain_text("Thought for ")
    body = fold(ada).locator(".thinking-body")
    expect(body).to_be_hidden()
    fold(ada).locator("summary").press("Enter")
    expect(body).to_be_visible()
    assert body.inner_text() == THOUGHT.replace("**", "")
    expect(body.locator("strong")).to_have_text("First")
    assert not body.locator("img").count()
    card = ada.answers().last.get_by_role("group", name="Tool call")
    expect(card).to_contain_text("The model asked to call get_tide with:")
    expect(card).to_contain_text('"place": "Brest"')
    ada.page.reload()
    assert ada.wait_for_end() == shown


def test_where_it_is_hidden_only_the_time_is_told(tiny_models: None, visitor: MakeVisitor, admin: Any) -> None:
    boss, ada = visitor(storage_state=admin), visitor()
    page = boss.page
    page.goto(f"{boss.site}/console/models/{slug(THINKER)}/")
    page.get_by_role("radio", name="Hidden").check()
    page.get_by_role("button", name="Save who reads it").click()
    expect(page.get_by_text("thinks is hidden now")).to_be_visible()
    heard: list[str] = []
    ada.page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: heard.append(str(frame))))
    conversation = ask(ada)
    expect(ada.answers().last.locator(".thinking-line")).to_contain_text("Thinking… ", timeout=ANSWER_MS)
    ada.wait_for_end()
    expect(ada.answers().last.locator(".thinking-line")).to_contain_text("Thought for ")
    expect(fold(ada)).to_be_hidden()
    stored = ada.stored(conversation)[-1]
    assert (stored["reasoning"], stored["text"]) == ("", ANSWER)
    assert any("word30" in frame for frame in heard)
    assert not any("thought1" in frame for frame in heard)
