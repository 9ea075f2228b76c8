"""Pictures in a conversation, in a browser and through the real engine: a tiny random Janus, which says nonsense."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.conversations.pdfs import pdf, said
from tests.e2e.browser import PHONE, Complaints
from tests.e2e.conftest import MakeVisitor
from tests.e2e.tiny_models import JANUS, slug
from tests.e2e.visitor import Visitor
from tests.engine.pictures.files import drawing, encoded

CAT = {"name": "cat.png", "mimeType": "image/png", "buffer": encoded(drawing(96, 64))}
BOAT = {"name": "boat.jpg", "mimeType": "image/jpeg", "buffer": encoded(drawing(64, 96).rotate(180), "JPEG")}
PAGE = {"name": "page.pdf", "mimeType": "application/pdf", "buffer": pdf(said("High tide is at noon."))}
LOADED = "() => [...document.querySelectorAll('.msg-picture img')].every((each) => each.complete && each.naturalWidth)"
PASTE = """async (field) => {
    const canvas = new OffscreenCanvas(48, 32);
    canvas.getContext("2d").fillRect(8, 8, 16, 16);
    const data = new DataTransfer();
    data.items.add(new File([await canvas.convertToBlob({type: "image/png"})], "image.png", {type: "image/png"}));
    field.dispatchEvent(new ClipboardEvent("paste", {clipboardData: data, bubbles: true, cancelable: true}));
}"""


@pytest.fixture
def ada(tiny_models: None, visitor: MakeVisitor) -> Visitor:
    ada = visitor()
    ada.come_in()
    return ada


def converse(ada: Visitor, model: str = slug(JANUS)) -> str:
    """A new conversation with this model, whose answers depend on nothing but what it is told. Its address."""
    return ada.new_conversation(model=model, params={"temperature": 0, "max_tokens": 12})


def attach(page: Page, *files: dict[str, object]) -> None:
    page.get_by_label("Pictures to attach").set_input_files(list(files))  # type: ignore[arg-type]  # it is one


def waiting(page: Page) -> Locator:
    """Those in the composer."""
    return page.get_by_role("list", name="Attached pictures").get_by_role("listitem")


def attached(page: Page, number: int) -> None:
    expect(waiting(page)).to_have_count(number)
    expect(page.locator("[data-attached] [aria-busy]")).to_have_count(0)


def shown(page: Page, name: str) -> Locator:
    """A picture of a message."""
    return page.locator("article.msg-user").last.get_by_role("img", name=name)


def test_the_answer_depends_on_the_picture(ada: Visitor) -> None:
    """The very words are compared with transformers' in tests/conversations/test_seen.py."""
    answers = []
    for picture in (CAT, BOAT, CAT):
        address = converse(ada)
        attach(ada.page, picture)
        attached(ada.page, 1)
        ada.ask("What is this?")
        ada.wait_for_end()
        expect(shown(ada.page, str(picture["name"]))).to_be_visible()
        attached(ada.page, 0)
        answers.append(ada.stored(address)[1]["text"])
    assert answers[0] == answers[2] != answers[1]


def test_a_draft_keeps_its_pictures_and_others_see_them_at_once(ada: Visitor, visitor: MakeVisitor) -> None:
    address = converse(ada)
    attach(ada.page, CAT, BOAT)
    attached(ada.page, 2)
    ada.page.reload()
    attached(ada.page, 2)
    phone = visitor(storage_state=ada.page.context.storage_state(), viewport=PHONE)
    phone.page.goto(address)
    expect(phone.page.get_by_label("Your message")).to_be_visible()
    ada.page.get_by_role("button", name="Remove boat.jpg").press("Enter")
    attached(ada.page, 1)
    expect(ada.page.get_by_role("button", name="Remove cat.png")).to_be_focused()
    ada.page.get_by_role("button", name="Send").click()  # without words
    expect(shown(phone.page, "cat.png")).to_be_visible()
    phone.page.wait_for_function(LOADED)
    wide = phone.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0


def test_what_can_t_be_attached_is_told_and_a_pdf_is_read_into_the_message(
    ada: Visitor, complaints: Complaints
) -> None:
    complaints.allowed = ("422 (Unprocessable",)
    converse(ada)
    page, problem = ada.page, ada.page.locator("[data-problem]")
    attach(page, PAGE)
    expect(problem).to_contain_text("This is a PDF")
    attached(page, 0)
    page.get_by_label("Your message").evaluate(PASTE)
    attached(page, 1)
    attach(page, *[CAT] * 4)
    expect(problem).to_contain_text("up to 4 pictures")
    attached(page, 4)
    page.get_by_label("Text files and PDFs to add").set_input_files([PAGE])  # type: ignore[list-item]  # it is one
    expect(page.get_by_label("Your message")).to_have_value("page.pdf:\n```\n[Page 1]\nHigh tide is at noon.\n```\n")


def test_a_model_that_reads_text_only_says_so(ada: Visitor) -> None:
    converse(ada)
    attach(ada.page, CAT)
    attached(ada.page, 1)
    field = ada.page.get_by_label("Your message")
    field.press_sequentially("So @smol")
    expect(ada.page.get_by_role("listbox", name="Models").get_by_role("option")).to_have_count(1)
    field.press("Enter")
    expect(field).to_have_value("So ")
    expect(ada.page.get_by_role("button", name="Model: ")).to_contain_text("SmolLM2")
    field.fill("")
    note = ada.page.locator("[data-blind]")
    expect(note).to_contain_text(f"reads text only. To ask about pictures, choose {JANUS}.")
    ada.page.get_by_role("button", name="Attach a picture").click()
    expect(ada.page.locator("[data-problem]")).to_contain_text("reads text only")
    ada.page.locator("[data-text-file]").set_input_files(
        [{"name": "notes.md", "mimeType": "text/markdown", "buffer": b"- tides"}]
    )
    expect(field).to_have_value("notes.md:\n```md\n- tides\n```\n")
    ada.page.get_by_role("button", name="Undo").last.click()
    expect(field).to_have_value("")
    note.get_by_role("button", name="Choose a model").click()
    expect(ada.page.locator("#panel").get_by_label("Model", exact=True)).to_be_focused()


def test_a_picture_of_the_studio_is_chosen_and_asked_about(ada: Visitor) -> None:
    page = ada.page
    page.goto(f"{ada.site}/p/{ada.project_id}/studio/")
    page.locator("[data-source-file]").set_input_files([BOAT])  # type: ignore[list-item]  # it is one
    expect(page.get_by_text("Starts from this picture")).to_be_visible()
    page.reload()
    expect(page.locator("[data-gallery] [data-picture]")).to_have_count(1)
    picture = page.locator("[data-gallery] [data-picture] a").first.get_attribute("href")
    page.goto(f"{ada.site}{picture}")
    page.get_by_role("button", name="Ask about it").click()
    page.wait_for_url("**/c/*/")
    attached(page, 1)
    page.reload()
    attached(page, 1)
    page.get_by_role("button", name="Choose a picture from the studio").click()
    dialog = page.get_by_role("dialog", name="Attach a picture from the studio")
    search = dialog.get_by_label("Search in prompts")
    expect(search).to_be_focused()
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    search.fill("nothing of the kind")
    expect(dialog.get_by_text("No picture was made with these words.")).to_be_visible()
    search.fill("")
    expect(dialog.get_by_role("listitem")).to_have_count(1)
    search.press("ArrowDown")
    expect(dialog.get_by_role("button", name="Picture from the studio")).to_be_focused()
    page.keyboard.press("Enter")
    expect(dialog).to_be_hidden()
    attached(page, 2)
    ada.ask("What are these?")
    ada.wait_for_end()
    expect(page.locator("article.msg-user").last.get_by_role("img", name="Picture from the studio")).to_have_count(2)
