"""What must hold on every page: nothing serious for axe-core, no sideways scrolling, a quiet console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.e2e.browser import Complaints
from tests.e2e.conftest import MakeVisitor
from tests.e2e.furnished import member
from tests.e2e.places import CONSOLE, CORNERS, INSIDE, OUTSIDE, VARIANTS, addresses, visit_all

BAD = {"serious", "critical"}


@pytest.fixture(scope="module")
def axe() -> Axe:
    return Axe()


def _problems(page: Page, axe: Axe, place: str) -> list[str]:
    found = axe.run(page, options={"resultTypes": ["violations"]}).response["violations"]
    problems = [
        f"{place}: {each['id']} at {node['target']}: {node.get('failureSummary', '')[:200]}"
        for each in found
        if each["impact"] in BAD
        for node in each["nodes"][:3]
    ]
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*problems, f"{place}: {wide} pixels too wide"] if wide > 0 else problems


@pytest.mark.parametrize("variant", CORNERS)
def test_pages_outside(variant: str, visitor: MakeVisitor, axe: Axe, complaints: Complaints) -> None:
    complaints.allowed = ("404 (Not Found)",)
    guest = visitor(**VARIANTS[variant])
    problems = [
        each
        for place in visit_all(guest.page, guest.site, OUTSIDE)
        for each in _problems(guest.page, axe, f"{variant} {place}")
    ]
    assert problems == []


@pytest.fixture(scope="module")
def furnished(browser: Browser, site: str, site_data: Path, admin: Any) -> tuple[Any, dict[str, str]]:
    """The cookies of a member, which serve all variants, and what addresses are made of."""
    return member(browser, site, site_data, ("Show me a loop in Python, in a code block.",))


@pytest.mark.parametrize("variant", CORNERS)
def test_pages_inside(variant: str, visitor: MakeVisitor, axe: Axe, furnished: Any) -> None:
    state, made = furnished
    ada = visitor(storage_state=state, **VARIANTS[variant])
    problems = [
        each
        for place in visit_all(ada.page, ada.site, addresses(INSIDE, made))
        for each in _problems(ada.page, axe, f"{variant} {place}")
    ]
    assert problems == []


@pytest.mark.parametrize("variant", CORNERS)
def test_pages_of_the_console(variant: str, visitor: MakeVisitor, axe: Axe, admin: Any, furnished: Any) -> None:
    boss = visitor(storage_state=admin, **VARIANTS[variant])
    problems = [
        each
        for place in visit_all(boss.page, boss.site, addresses(CONSOLE, furnished[1]))
        for each in _problems(boss.page, axe, f"{variant} {place}")
    ]
    assert problems == []
