"""What must hold on every page: nothing serious for axe-core, no sideways scrolling, a quiet console."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page

from tests.e2e.browser import Complaints
from tests.e2e.conftest import MakeVisitor
from tests.e2e.furnished import member
from tests.e2e.places import CONSOLE, CORNERS, INSIDE, OUTSIDE, VARIANTS, addresses, visit_all

BAD = {"serious", "critical"}


def _all_problems(page: Page, site: str, places: dict[str, str], variant: str) -> list[str]:
    page.add_init_script(AXE_SCRIPT)  # once, and not half a MiB through the driver for each page
    return [each for place in visit_all(page, site, places) for each in _problems(page, f"{variant} {place}")]


def _problems(page: Page, place: str) -> list[str]:
    found = page.evaluate('axe.run({resultTypes: ["violations"]}).then((told) => told.violations)')
    problems = [
        f"{place}: {each['id']} at {node['target']}: {node.get('failureSummary', '')[:200]}"
        for each in found
        if each["impact"] in BAD
        for node in each["nodes"][:3]
    ]
    wide: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [*problems, f"{place}: {wide} pixels too wide"] if wide > 0 else problems


@pytest.mark.parametrize("variant", CORNERS)
def test_pages_outside(variant: str, visitor: MakeVisitor, complaints: Complaints) -> None:
    complaints.allowed = ("404 (Not Found)",)
    guest = visitor(**VARIANTS[variant])
    assert _all_problems(guest.page, guest.site, OUTSIDE, variant) == []


@pytest.fixture(scope="module")
def furnished(browser: Browser, site: str, site_data: Path, admin: Any) -> tuple[Any, dict[str, str]]:
    """The cookies of a member, which serve all variants, and what addresses are made of."""
    return member(browser, site, site_data, ("Show me a loop in Python, in a code block.",))


@pytest.mark.parametrize("variant", CORNERS)
def test_pages_inside(variant: str, visitor: MakeVisitor, furnished: Any) -> None:
    state, made = furnished
    ada = visitor(storage_state=state, **VARIANTS[variant])
    assert _all_problems(ada.page, ada.site, addresses(INSIDE, made), variant) == []


@pytest.mark.parametrize("variant", CORNERS)
def test_pages_of_the_console(variant: str, visitor: MakeVisitor, admin: Any, furnished: Any) -> None:
    boss = visitor(storage_state=admin, **VARIANTS[variant])
    assert _all_problems(boss.page, boss.site, addresses(CONSOLE, furnished[1]), variant) == []
