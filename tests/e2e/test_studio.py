"""The studio in a browser, with the real engine: the demo model, and a tiny random one, which draws noise."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.browser import PHONE, Complaints
from tests.e2e.conftest import MakeVisitor
from tests.e2e.tiny_models import JANUS, PAINTER, slug
from tests.e2e.visitor import Visitor

PICTURE_MS = 180_000
"""How long pictures may take on a small, busy machine; the first one waits for the model to load."""
COUNT_PREVIEWS = """() => {
    window.previewsSeen = 0;
    new MutationObserver((changes) => {
        window.previewsSeen += changes.filter((each) => each.target.src?.includes("/preview/")).length;
    }).observe(document.querySelector("[data-live]"), {subtree: true, attributes: true, attributeFilter: ["src"]});
}"""


@pytest.fixture
def ada(tiny_models: None, visitor: MakeVisitor, complaints: Complaints) -> Visitor:
    """Somebody in the studio of a new project, with the tiny model chosen."""
    return in_the_studio(visitor(), complaints)


@pytest.fixture
def ada_at_a_phone(tiny_models: None, visitor: MakeVisitor, complaints: Complaints) -> Visitor:
    return in_the_studio(visitor(viewport=PHONE), complaints)


def in_the_studio(ada: Visitor, complaints: Complaints) -> Visitor:
    # A picture may be ready while its last preview is on its way; then there is none any more.
    complaints.allowed = ("/preview/", "422 (Unprocessable Entity)")
    ada.come_in()
    ada.page.goto(f"{ada.site}/p/{ada.project_id}/studio/")
    unfold(ada.page)
    form(ada.page).get_by_label("Model").select_option(slug(PAINTER))
    return ada


def unfold(page: Page) -> None:
    """At a phone the settings are folded away."""
    settings = form(page).get_by_role("button", name="Settings", exact=True)
    if settings.is_visible() and settings.get_attribute("aria-expanded") == "false":
        settings.click()


def form(page: Page) -> Locator:
    return page.get_by_role("form", name="Make pictures")


def ask(page: Page, prompt: str, *, count: int = 1, steps: int = 20, side: int = 32, seed: int | None = None) -> None:
    fields = form(page)
    unfold(page)
    fields.get_by_label("Prompt", exact=True).fill(prompt)
    fields.get_by_label("Width in pixels").fill(str(side))
    fields.get_by_label("Height in pixels").fill(str(side))
    fields.get_by_role("group", name="How many pictures").get_by_role("button", name=str(count), exact=True).click()
    if seed is not None:
        fields.get_by_role("spinbutton", name="Seed").fill(str(seed))
    if not fields.get_by_role("spinbutton", name="Steps").is_visible():
        fields.get_by_text("Steps, guidance, scheduler").click()
    fields.get_by_role("spinbutton", name="Steps").fill(str(steps))
    fields.get_by_label("Prompt", exact=True).press("Control+Enter")


def tiles(page: Page) -> Locator:
    return page.locator("[data-gallery] [data-picture]")


def test_previews_come_and_the_pictures_hang_on_the_wall(ada: Visitor) -> None:
    page = ada.page
    page.evaluate(COUNT_PREVIEWS)
    ask(page, "a red apple", count=4, steps=150)
    expect(page.get_by_role("heading", name="In the making")).to_be_visible()
    assert not page.get_by_role("heading", name="An empty wall").is_visible()
    view = page.locator("[data-live] .live-view").first.bounding_box()
    assert view is not None
    assert abs(view["width"] - view["height"]) < 2  # previews of squares are whole
    expect(tiles(page)).to_have_count(4, timeout=PICTURE_MS)
    expect(page.locator("[data-live] > li")).to_have_count(0)
    assert page.evaluate("window.previewsSeen") > 0
    expect(tiles(page).first.get_by_role("img")).to_have_attribute("alt", "a red apple")
    page.reload()
    expect(tiles(page)).to_have_count(4)
    expect(form(page).get_by_label("Prompt", exact=True)).to_have_value("a red apple")


RED = """(image) => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 64, height: 64});
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0, 64, 64);
    const {data} = context.getImageData(22, 26, 20, 20);
    const sum = [0, 1, 2].map((channel) => data.filter((_, place) => place % 4 === channel).reduce((a, b) => a + b));
    return sum[0] / Math.max(sum[1], sum[2]);
}"""


def test_a_red_apple_of_the_demo_model(ada: Visitor) -> None:
    form(ada.page).get_by_label("Model").select_option("emoji-64")
    ask(ada.page, "a red apple", side=64, seed=7)
    expect(tiles(ada.page)).to_have_count(1, timeout=PICTURE_MS)
    picture = tiles(ada.page).first.locator("img")
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate(RED) > 1.5


def test_one_is_cancelled_and_the_next_comes(ada: Visitor) -> None:
    page = ada.page
    ask(page, "a blue car", steps=150, side=64)  # takes seconds
    page.get_by_role("button", name="Cancel “a blue car”").dispatch_event("click")
    expect(page.locator("[data-live] > li")).to_have_count(0, timeout=PICTURE_MS)
    expect(tiles(page)).to_have_count(0)
    ask(page, "a green heart")
    expect(tiles(page)).to_have_count(1, timeout=PICTURE_MS)


def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(ada: Visitor) -> None:
    page = ada.page
    ask(page, "a green heart", side=33)
    expect(form(page).get_by_role("alert").get_by_text("The width must be a multiple of 2: 32 or 34")).to_be_visible()
    expect(form(page).get_by_label("Prompt", exact=True)).to_have_value("a green heart")
    form(page).get_by_role("button", name="Square").click()
    expect(form(page).get_by_role("alert").get_by_text("The width must be a multiple of 2: 32 or 34")).to_be_hidden()


def test_a_picture_is_used_again_downloaded_and_read(ada: Visitor, tmp_path: Path) -> None:
    page = ada.page
    ask(page, "a smiling face", seed=4711)
    expect(tiles(page)).to_have_count(1, timeout=PICTURE_MS)
    tiles(page).first.locator("a").click()
    page.wait_for_url("**/pictures/**")
    with page.expect_download() as coming:
        page.get_by_role("button", name="Download").click()
    file = tmp_path / "picture.png"
    coming.value.save_as(file)
    page.get_by_role("link", name="Use all").click()
    page.wait_for_url("**/studio/**")
    expect(form(page).get_by_label("Prompt", exact=True)).to_have_value("a smiling face")
    expect(form(page).get_by_role("spinbutton", name="Seed")).to_have_value("4711")
    form(page).get_by_role("button", name="Reset").click()
    expect(form(page).get_by_label("Prompt", exact=True)).to_have_value("")
    page.get_by_role("button", name="Undo").click()
    expect(form(page).get_by_label("Prompt", exact=True)).to_have_value("a smiling face")
    expect(form(page).get_by_role("spinbutton", name="Seed")).to_have_value("4711")
    form(page).get_by_role("button", name="Reset").click()
    form(page).get_by_label("Negative prompt").fill("a frown")
    page.locator("[data-read-file]").set_input_files(file)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Made with Atrium.")).to_be_visible()
    dialog.get_by_role("button", name="Use its settings").click()
    expect(form(page).get_by_label("Prompt", exact=True)).to_have_value("a smiling face")
    expect(form(page).get_by_label("Negative prompt")).to_have_value("")
    page.get_by_role("button", name="Undo").last.click()
    expect(form(page).get_by_label("Prompt", exact=True)).to_have_value("")
    expect(form(page).get_by_label("Negative prompt")).to_have_value("a frown")


def test_janus_draws_and_who_starts_from_a_picture_gets_a_model_that_can(ada: Visitor) -> None:
    page = ada.page
    ask(page, "a smiling face")
    expect(tiles(page)).to_have_count(1, timeout=PICTURE_MS)
    form(page).get_by_label("Model").select_option(slug(JANUS))
    form(page).get_by_label("Prompt", exact=True).press("Control+Enter")
    expect(tiles(page)).to_have_count(2, timeout=PICTURE_MS)
    tiles(page).last.locator("a").click()
    page.wait_for_url("**/pictures/**")
    page.get_by_role("link", name="Start from it").click()
    page.wait_for_url("**/studio/**")
    expect(
        form(page).get_by_role("alert").get_by_text(f"{JANUS} can't start from a picture, so {PAINTER}")
    ).to_be_visible()
    expect(form(page).get_by_label("Model")).to_have_value(slug(PAINTER))
    expect(form(page).get_by_text("Starts from this picture")).to_be_visible()
    form(page).get_by_label("Model").select_option(slug(JANUS))
    expect(form(page).get_by_text("Starts from this picture")).to_be_hidden()
    form(page).get_by_label("Model").select_option(slug(PAINTER))
    expect(form(page).get_by_text("Starts from this picture")).to_be_visible()


def test_the_wall_is_searched_selected_and_kept_on_boards(ada: Visitor) -> None:
    page = ada.page
    ask(page, "a red apple", count=2)
    expect(tiles(page)).to_have_count(2, timeout=PICTURE_MS)
    expect(page.get_by_role("button", name="Select", exact=True)).to_be_visible()
    page.get_by_label("Search in prompts").fill("zebra")
    page.get_by_label("Search in prompts").press("Enter")
    expect(page.get_by_role("heading", name="Nothing found")).to_be_visible()
    page.get_by_role("link", name="Show all pictures").click()
    page.get_by_role("button", name="Select", exact=True).click()
    tiles(page).first.locator("a").click()
    page.get_by_role("button", name="Board", exact=True).click()
    page.get_by_label("Name of the new board").fill("Fruit")
    page.get_by_role("button", name="Put there").click()
    expect(page.get_by_text("On the board “Fruit”.")).to_be_visible()
    page.get_by_role("button", name="Select", exact=True).click()
    tiles(page).last.locator("a").click()
    page.get_by_role("button", name="Delete", exact=True).click()
    expect(tiles(page)).to_have_count(1)
    page.get_by_role("button", name="Undo").click()
    expect(tiles(page)).to_have_count(2)
    page.get_by_role("link", name="Boards").click()
    page.get_by_role("link", name="Fruit").last.click()
    expect(page.get_by_role("heading", name="Fruit")).to_be_visible()
    expect(tiles(page)).to_have_count(1)


def open_picture(page: Page) -> None:
    tiles(page).first.locator("a").click()
    page.wait_for_url("**/pictures/**")


def test_a_picture_is_made_again_and_varied_and_two_are_compared(ada: Visitor) -> None:
    page = ada.page
    ask(page, "a lighthouse", seed=11)
    expect(tiles(page)).to_have_count(1, timeout=PICTURE_MS)
    open_picture(page)
    page.get_by_role("button", name="Reproduce").click()
    expect(page.locator("[data-verdict]")).to_contain_text("to the last bit", timeout=PICTURE_MS)
    page.locator("[data-verdict]").get_by_role("link", name="Its receipt").click()
    expect(page.get_by_role("heading", name="Receipt")).to_be_visible()
    expect(page.locator("main").get_by_text("to the last bit").first).to_be_visible()
    page.go_back()
    page.get_by_role("link", name="Receipt", exact=True).click()
    page.evaluate("() => { document.documentElement.dataset.same = 'yes' }")
    page.get_by_role("button", name="Reproduce").click()
    page.wait_for_function("() => document.documentElement.dataset.same === undefined")  # at the new one's receipt
    page.evaluate("() => { document.documentElement.dataset.same = 'yes' }")
    expect(page.locator("main [data-verdict]")).to_contain_text("to the last bit", timeout=PICTURE_MS)
    expect(page.locator("[data-announce]")).to_contain_text("to the last bit")
    expect(page.get_by_role("button", name="Reproduce")).to_be_visible()
    assert page.locator("html").get_attribute("data-same") == "yes", "without a reload"
    page.go_back()
    page.go_back()
    page.get_by_role("button", name="Vary").click()
    page.wait_for_url("**/studio/**")
    expect(tiles(page)).to_have_count(5, timeout=PICTURE_MS)  # the one made again is none of them
    open_picture(page)
    page.get_by_role("button", name="Compare").click()
    slider = page.get_by_role("slider", name="How much of the other picture to show")
    expect(slider).to_be_focused()
    page.locator("[data-other]").evaluate("(other) => other.complete || new Promise((done) => (other.onload = done))")
    before = page.locator("[data-other]").evaluate("(other) => other.style.clipPath")
    slider.press("ArrowRight")
    assert page.locator("[data-other]").evaluate("(other) => other.style.clipPath") != before


DROP = """async (address) => {
    const found = await (await fetch(address)).blob();
    const data = new DataTransfer();
    data.items.add(new File([found], "lighthouse.png", {type: "image/png"}));
    return ["dragover", "drop"].map((kind) => {
        return document.dispatchEvent(new DragEvent(kind, {dataTransfer: data, bubbles: true, cancelable: true}));
    });
}"""
"""Says of each event whether the browser would go on with it: open the file in place of the page."""


def test_a_dropped_picture_is_read_and_a_part_of_it_painted_anew(ada_at_a_phone: Visitor) -> None:
    page = ada_at_a_phone.page
    ask(page, "a lighthouse", seed=12)
    expect(tiles(page)).to_have_count(1, timeout=PICTURE_MS)
    made = tiles(page).first.get_attribute("data-picture")
    unfold(page)
    form(page).get_by_role("button", name="Reset").click()
    page.evaluate(DROP, f"/artifacts/{made}/download/")
    dialog = page.get_by_role("dialog", name="lighthouse.png")
    expect(dialog.get_by_text("Made with Atrium.")).to_be_visible()
    dialog.get_by_role("button", name="Start from it").click()
    expect(form(page).get_by_text("Starts from this picture")).to_be_visible()
    expect(form(page).get_by_label("Prompt", exact=True)).to_have_value("a lighthouse")
    form(page).get_by_role("button", name="Mask").click()
    canvas = page.get_by_role("img", name="The painted mask")
    place = canvas.bounding_box()
    assert place
    page.mouse.move(place["x"] + place["width"] / 3, place["y"] + place["height"] / 3)
    page.mouse.down()
    page.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2, steps=5)
    page.mouse.up()
    assert page.evaluate(DROP, f"/artifacts/{made}/download/") == [False, False]
    page.get_by_role("button", name="Use the mask").click()
    expect(form(page).get_by_text("Only what the mask covers changes.")).to_be_visible()
    ask(page, "a lighthouse at night")
    expect(tiles(page)).to_have_count(2, timeout=PICTURE_MS)
    open_picture(page)
    stage = page.locator("[data-stage]")
    before = stage.bounding_box()
    page.get_by_role("button", name="Larger").click()
    assert stage.bounding_box() == before, "what is larger is scrolled in its place"
    page.get_by_role("button", name="Fit").click()
