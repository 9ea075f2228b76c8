"""What must hold on every page: nothing serious for axe-core, no sideways scrolling, none past the page's end, a quiet
console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.axe import Axe
from tests.e2e.browser import Complaints
from tests.e2e.conftest import MakeVisitor
from tests.e2e.furnished import member
from tests.e2e.places import CONSOLE, CORNERS, INSIDE, OUTSIDE, VARIANTS, addresses, turn, visit_all

BEYOND = """() => {
    const root = document.documentElement;
    const end = Math.ceil(document.body.getBoundingClientRect().bottom + scrollY);
    return [root.scrollWidth - root.clientWidth, root.scrollHeight - Math.max(end, root.clientHeight)];
}"""


def _all_problems(page: Page, site: str, places: dict[str, str]) -> list[str]:
    """In both corners. Every other page is loaded in the second one, and turned to the first."""
    axe, problems, (here, other) = Axe(page), list[str](), CORNERS

    def look(variant: str, place: str) -> None:
        problems.extend(f"{variant} {place}: {each}" for each in [*axe.problems(), *_too_large(page)])

    for place in visit_all(page, site, places):
        look(here, place)
        turn(page, other)
        look(other, place)
        here, other = other, here
    return problems


def _too_large(page: Page) -> list[str]:
    """What lies outside of the page that one sees, such as a hidden label of a list that scrolls by itself."""
    wide, long = page.evaluate(BEYOND)
    return [f"{pixels} pixels too {how}" for pixels, how in ((wide, "wide"), (long, "long")) if pixels > 0]


def test_pages_outside(visitor: MakeVisitor, complaints: Complaints) -> None:
    complaints.allowed = ("404 (Not Found)",)
    guest = visitor(**VARIANTS[CORNERS[0]])
    assert _all_problems(guest.page, guest.site, OUTSIDE) == []


@pytest.fixture(scope="module")
def furnished(browser: Browser, site: str, site_data: Path, admin: Any) -> tuple[Any, dict[str, str]]:
    """The cookies of a member, and what addresses are made of."""
    return member(browser, site, site_data, ("Show me a loop in Python, in a code block.",))


def test_pages_inside(visitor: MakeVisitor, furnished: Any) -> None:
    state, made = furnished
    ada = visitor(storage_state=state, **VARIANTS[CORNERS[0]])
    assert _all_problems(ada.page, ada.site, addresses(INSIDE, made)) == []


def test_pages_of_the_console(visitor: MakeVisitor, admin: Any, furnished: Any) -> None:
    boss = visitor(storage_state=admin, **VARIANTS[CORNERS[0]])
    assert _all_problems(boss.page, boss.site, addresses(CONSOLE, furnished[1])) == []
