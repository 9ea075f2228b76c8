"""axe-core on a page: what it finds that is serious."""

from __future__ import annotations

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

BAD = ("serious", "critical")
NEVER_BAD = (
    "aria-allowed-role", "aria-deprecated-role", "empty-table-header", "form-field-multiple-labels", "heading-order",
    "html-xml-lang-mismatch", "image-redundant-alt", "landmark-banner-is-top-level",
    "landmark-contentinfo-is-top-level", "landmark-main-is-top-level", "landmark-no-duplicate-banner",
    "landmark-no-duplicate-contentinfo", "landmark-no-duplicate-main", "landmark-one-main", "landmark-unique",
    "no-autoplay-audio", "page-has-heading-one", "presentation-role-conflict", "region", "server-side-image-map",
    "skip-link", "table-duplicate-name",
)  # fmt: skip
"""Rules whose breaches axe-core calls minor or moderate."""
LOOK = """async ([known, off, bad]) => {
    const looks = new Map(), isKnown = new Set(known);
    const hash = (text, state, factor) => {
        for (let at = 0; at < text.length; at += 1) state = (Math.imul(state, factor) + text.charCodeAt(at)) | 0;
        return state;
    };
    for (const element of document.querySelectorAll("*")) {
        const style = getComputedStyle(element), above = looks.get(element.parentElement);
        const {backgroundColor, opacity, position} = style;
        const isOpaque = backgroundColor.startsWith("rgb(") && opacity === "1";
        const own = [
            element.localName, style.color, backgroundColor, style.backgroundImage, opacity, style.filter,
            style.mixBlendMode, style.fontSize, style.fontWeight, style.textShadow, style.webkitTextStroke,
        ].join();
        const [one, two] = [hash(own, above?.one ?? 0, 31), hash(own, above?.two ?? 0, 131)];
        const floats = !isOpaque && (above?.floats || ["absolute", "fixed", "sticky"].includes(position));
        looks.set(element, {one, two, floats, name: floats ? "" : `${one} ${two}`});
        if (isKnown.has(looks.get(element).name)) element.dataset.judged = "";
    }
    axe.configure({rules: [{id: "color-contrast", selector: ":not([data-judged])"}]});
    const said = (node) => [...node.any, ...node.all, ...node.none].map((check) => check.message).join("; ");
    const reporter = (told, options, done) => done([
        told.find((rule) => rule.id === "color-contrast").passes.map((each) => looks.get(each.node.element).name),
        told.filter((rule) => bad.includes(rule.impact)).flatMap((rule) => rule.violations.slice(0, 3).map(
            (each) => `${rule.id} at ${each.node.selector}: ${said(each).slice(0, 200)}`
        )),
    ]);
    const found = await axe.run({rules: off, reporter});
    for (const element of document.querySelectorAll("[data-judged]")) delete element.dataset.judged;
    return found;
}"""
"""Contrast, by far the longest of axe-core's looks, follows from the letters and colours of an element and of all that
it is in. Where these were found to be fine on an earlier page, an element is not judged again, unless it floats above
something else."""


class Axe:
    """Looks at one page after the other."""

    def __init__(self, page: Page) -> None:
        self._page, self._known = page, set[str]()
        page.add_init_script(AXE_SCRIPT)  # once, and not half a MiB through the driver for each page

    def problems(self) -> list[str]:
        off = {rule: {"enabled": False} for rule in NEVER_BAD}
        fine, problems = self._page.evaluate(LOOK, [list(self._known), off, BAD])
        self._known.update(filter(None, fine))
        return list(problems)
