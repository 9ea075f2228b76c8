"""A newcomer's way to their first answer."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.e2e.conftest import MakeVisitor


def test_sign_up_create_a_project_ask_and_watch_the_answer_arrive(visitor: MakeVisitor) -> None:
    ada = visitor()
    conversation = ada.set_up(temperature=0)
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
