"""A public prompt is written, run, forked and compared; a stranger reads it and nothing that is private."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.conftest import MakeVisitor
from tests.e2e.places import CORNERS, VARIANTS
from tests.e2e.visitor import ANSWER_MS, Visitor

ASKED = "What is the capital of {{ country }}?\nAnswer in {{ language }}."


def publish(author: Visitor, title: str = "Capital of a country") -> str:
    """Write the prompt in the editor, for everybody. Returns its address."""
    page = author.page
    page.goto(f"{author.site}/prompts/new/")
    page.get_by_label("Title").fill(title)
    page.get_by_label("Prompt", exact=True).fill(ASKED)
    page.get_by_label("Label of country").fill("Country")
    page.get_by_label("Default of language").fill("English")
    preview = page.locator("[data-preview]")
    expect(preview.locator("mark.placeholder")).to_have_text("country")
    expect(preview.locator("mark.filled")).to_have_text("English")
    page.get_by_label("Who may see it").select_option(value="40")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_role("heading", level=1, name=title)).to_be_visible()
    return page.url.split("?")[0]


def run(page: Page, project: str) -> str:
    """Fill in the form, run it in this project and wait for the answer."""
    page.locator("[data-prompt-try]").get_by_label("Country").fill("France")
    expect(page.locator("[data-preview]")).to_contain_text("What is the capital of France?\nAnswer in English.")
    page.get_by_label("Project", exact=True).select_option(label=project)
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_role("group", name="Rate this answer")).to_be_visible(timeout=ANSWER_MS)
    return page.locator("[data-answers] .prose").inner_text()


def fork_and_edit(page: Page) -> str:
    page.get_by_role("button", name="Fork").click()
    page.wait_for_url("**/edit/")
    page.get_by_label("Title").fill("Capital, with a reason")
    text = page.get_by_label("Prompt", exact=True)
    text.fill(ASKED.replace("Answer in", "Answer with a reason in"))
    page.get_by_role("button", name="Save revision").click()
    expect(page.get_by_role("heading", level=1, name="Capital, with a reason")).to_be_visible()
    return page.url.split("?")[0]


def take_pictures(visitor: Visitor, addresses: dict[str, str]) -> None:
    """Only where PICTURES names a folder."""
    if not (folder := os.environ.get("PICTURES")):
        return
    state: Any = visitor.page.context.storage_state()
    for corner in CORNERS:
        context = visitor.page.context.browser.new_context(storage_state=state, **VARIANTS[corner])
        page = context.new_page()
        for name, address in addresses.items():
            page.goto(address)
            page.wait_for_load_state("networkidle")
            wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
            print(corner, name, "overflows" if wide > 0 else "fits", wide)
            page.screenshot(path=str(Path(folder) / f"{name}-{corner}.png"), full_page=True)
        context.close()


def test_a_prompt_is_shared_run_forked_and_compared(visitor: MakeVisitor, complaints: Any) -> None:
    complaints.allowed = ("404 (Not Found)",)
    author, reader, stranger = visitor(), visitor(), visitor()
    author.sign_up("Ada Lovelace")
    public = publish(author)

    reader.sign_up("Grace Hopper")
    reader.create_project("Lighthouse")
    page = reader.page
    page.goto(f"{reader.site}/prompts/")
    page.get_by_role("link", name="Capital of a country").click()
    assert run(page, "Lighthouse").strip()
    answer = page.locator("[data-answers]")
    expect(answer.get_by_role("link", name="Receipt")).to_be_visible()
    said = answer.locator(".prose").inner_text()
    page.reload()
    expect(answer).to_contain_text("Your last run")
    expect(answer.locator(".prose")).to_have_text(said, use_inner_text=True)
    expect(answer.get_by_role("button", name="Copy this answer")).to_be_visible()
    page.get_by_label("Beside the answers before").check()
    page.locator("[data-prompt-try]").get_by_label("Country").fill("Italy")
    page.get_by_role("button", name="Run", exact=True).click()
    answers = answer.get_by_role("listitem")
    expect(answers).to_have_count(2)
    expect(answers.last.get_by_role("group", name="Rate this answer")).to_be_visible(timeout=ANSWER_MS)
    expect(answers.first.locator(".prose")).to_have_text(said, use_inner_text=True)
    answers.first.get_by_role("button", name="Take away").click()
    expect(answers).to_have_count(1)
    private = fork_and_edit(page)

    page.goto(f"{private}lineage/")
    drawing = page.get_by_role("region", name="Lineage")
    expect(drawing.get_by_role("link")).to_have_count(2)
    expect(drawing).to_contain_text("Ada Lovelace")
    expect(drawing).to_contain_text("Grace Hopper")
    page.goto(private)
    page.get_by_role("link", name="Compare", exact=True).click()
    changes = page.get_by_role("region", name="Changes of Prompt")
    expect(changes.locator("tr.change")).to_have_count(1)
    expect(changes.locator("tr.change .right")).to_have_text("Answer with a reason in {{ language }}.")
    take_pictures(reader, {
        "library": f"{reader.site}/prompts/", "prompt": public, "editor": f"{private}edit/",
        "diff": page.url, "lineage": f"{private}lineage/",
    })  # fmt: skip

    answered = stranger.page.goto(public)
    assert answered
    assert answered.status == 200
    expect(stranger.page.get_by_role("heading", level=1, name="Capital of a country")).to_be_visible()
    for address in (private, f"{private}lineage/", f"{private}diff/", f"{private}export.md"):
        hidden = stranger.page.request.get(address, max_redirects=0)
        assert hidden.status == 404, address
    stranger.page.goto(f"{public}lineage/")
    expect(stranger.page.get_by_role("region", name="Lineage")).not_to_contain_text("Grace Hopper")


def insert(visitor: Visitor, country: str) -> None:
    """`/`, the list, the form: the filled-in prompt stands in the composer."""
    page = visitor.page
    page.get_by_label("Your message").fill("/capital by a sl")
    page.get_by_role("option", name="Capital by a slash").click()
    dialog = page.get_by_role("dialog", name="Capital by a slash")
    dialog.get_by_label("country").fill(country)
    dialog.get_by_role("button", name="Insert").click()
    expect(dialog).to_be_hidden()
    expect(page.get_by_label("Your message")).to_have_value(f"What is the capital of {country}?\nAnswer in English.")
    expect(page.locator("[data-from]")).to_contain_text("From Capital by a slash")


def test_a_prompt_in_a_conversation_is_rated_where_its_answer_stands(visitor: MakeVisitor) -> None:
    ada = visitor()
    ada.set_up(temperature=0, max_tokens=16)
    conversation, page = ada.page.url, ada.page
    prompt = publish(ada, "Capital by a slash")

    page.goto(conversation)
    insert(ada, "France")
    page.reload()
    expect(page.locator("[data-from]")).to_be_visible()
    page.get_by_label("Your message").press("Enter")
    ada.wait_for_end()
    expect(page.locator("[data-from]")).to_be_hidden()
    answer = ada.answers().last
    rating = answer.get_by_role("group", name="Rate this answer")
    with page.expect_response("**/rating/"):  # the page that is loaded again below must not be read before it
        rating.get_by_role("button", name="4 of 5").click()
    expect(rating.locator("[aria-pressed=true]")).to_have_count(4)
    expect(rating.get_by_role("button", name="4 of 5")).to_be_focused()
    page.reload()
    expect(rating.locator("[aria-pressed=true]")).to_have_count(4)

    insert(ada, "Italy")
    page.get_by_role("button", name="Not from this prompt any more").click()
    page.get_by_label("Your message").press("Enter")
    expect(ada.answers()).to_have_count(2)
    ada.wait_for_end()
    expect(ada.answers().last.get_by_role("group", name="Rate this answer")).to_have_count(0)

    page.goto(prompt)
    facts = page.get_by_role("complementary", name="About this prompt")
    expect(facts.locator(".prompt-median")).to_have_text("4.0")
    expect(facts).to_contain_text("1 voice")


def test_a_prompt_is_edited_with_stop_strings_deleted_and_brought_back(visitor: MakeVisitor) -> None:
    ada = visitor()
    ada.sign_up()
    address, page = publish(ada, "Capital that was deleted"), ada.page
    page.goto(f"{address}edit/")
    page.get_by_label("Help of language").fill("Any will do")
    page.get_by_label("Prompt", exact=True).fill("What is the capital of {{ country }}?")
    expect(page.locator(".prompt-variable", has_text="language")).to_contain_text("not used")
    expect(page.locator("[data-preview]")).not_to_contain_text("language")
    page.get_by_text("Model, tags, licence").click()
    page.get_by_label("Stop strings").fill("###\nEND")
    page.get_by_role("button", name="Save revision 2").click()
    facts = page.get_by_role("complementary", name="About this prompt")
    expect(facts.locator("code")).to_have_text(["###", "END"])
    expect(page.locator("[data-prompt-try] [data-variable]")).to_have_count(1)

    page.get_by_label("More", exact=True).click()
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/prompts/")
    expect(page.get_by_role("link", name="Capital that was deleted")).to_have_count(0)
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("link", name="Capital that was deleted")).to_be_visible()
    page.goto(address)
    expect(facts).to_contain_text("2 of 2")
