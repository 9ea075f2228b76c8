"""Who sees which page of the console, and who may change something in it."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.urls import reverse

from tests.console.conftest import Staff
from tests.matrix.rooms import console
from tests.matrix.tables import rows
from tests.world import World

ROWS = rows(console.ROWS)
READ = {"admin": 200, "governor": 200, "auditor": 200, "moderator": 403}
OTHERS = {
    "console_reports": {"governor": 403, "moderator": 200},
    **{route: {"governor": 403} for route in ("console_audit", "console_audit_csv", "console_audit_jsonl")},
}


@pytest.fixture
def parts(world: World) -> dict[str, dict[str, Any]]:
    return console.things(world)


@pytest.mark.parametrize("row", [row for row in ROWS if row.method == "GET"], ids=lambda row: row.route)
def test_who_governs_and_who_audits_sees_every_page(row: Any, staff: Staff, parts: dict[str, Any]) -> None:
    url = reverse(row.route, kwargs=parts.get(row.route))
    forms = console.FORMS_OF_GOVERNORS | console.FORMS_OF_ADMINISTRATORS
    expected = READ | ({"auditor": 403} if row.route in forms else {}) | OTHERS.get(row.route, {})
    expected |= {"governor": 403} if row.route in console.FORMS_OF_ADMINISTRATORS else {}
    assert {who: staff.client(who).get(url).status_code for who in READ} == expected


@pytest.mark.parametrize("row", [row for row in ROWS if row.method == "POST"], ids=lambda row: row.route)
def test_auditors_and_moderators_change_nothing(row: Any, staff: Staff, parts: dict[str, Any]) -> None:
    url = reverse(row.route, kwargs=parts.get(row.route))
    form = console.FORMS.get((row.route, "POST"), {})
    found = {who: staff.client(who).post(url, form).status_code for who in ("auditor", "moderator")}
    assert found == {"auditor": 403, "moderator": 403}


@pytest.mark.parametrize("row", [row for row in ROWS if row.method == "POST"], ids=lambda row: row.route)
def test_governors_change_models_and_not_people(row: Any, staff: Staff, parts: dict[str, Any]) -> None:
    url = reverse(row.route, kwargs=parts.get(row.route))
    found = staff.client("governor").post(url, console.FORMS.get((row.route, "POST"), {})).status_code
    assert found == (403 if row.route in console.FOR_ADMINISTRATORS else int(row.expected["admin"]))


def test_buttons_are_for_those_who_may_press_them(staff: Staff) -> None:
    group = Group.objects.create(name="Readers")
    page = reverse("console_group", args=[group.pk])
    assert "Add to the group" in staff.client("admin").get(page).content.decode()
    seen = staff.client("auditor").get(page).content.decode()
    assert "Add to the group" not in seen
    assert "Changes are made by administrators and governors" in seen


@pytest.mark.parametrize(
    ("who", "shown", "hidden"),
    [
        ("admin", ("Overview", "People", "Audit log", "Site settings"), ()),
        ("governor", ("Overview", "People", "Site settings"), ("Audit log",)),
        ("auditor", ("Overview", "People", "Audit log"), ()),
    ],
)
def test_the_sidebar_shows_what_one_may_open(
    staff: Staff, who: str, shown: tuple[str, ...], hidden: tuple[str, ...]
) -> None:
    page = staff.client(who).get(reverse("console_overview")).content.decode()
    sidebar = page[page.index('aria-label="Console"') : page.index("</nav>")]
    assert all(title in sidebar for title in shown)
    assert not any(title in sidebar for title in hidden)
