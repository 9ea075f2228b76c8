"""The table component: what an address may ask of it, and what it hands out."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from django.http import QueryDict
from django.urls import reverse

from apps.accounts.models import User
from apps.audit.models import AuditEvent
from apps.console.tables_of.people import people_table
from apps.lib.csv_export import csv_text, safe_cell
from tests.console.conftest import Staff
from tests.world import World


def names(asked: str) -> list[str]:
    shown = people_table().shown(User.objects.all(), QueryDict(asked))
    return [str(person) for person in shown.page.rows]


def exported(response: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(response).decode())))


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_it_searches_filters_sorts_and_pages(world: World, staff: Staff) -> None:
    assert names("sort=name")[0] == "Admin"
    assert names("sort=-name")[0] == "Viewer"
    assert names("q=STRANGER") == ["Stranger"]
    assert names("role=auditor") == ["Auditor"]
    assert names("role=admin&state=active") == ["Admin"]
    assert "Stranger" not in names("q=stranger&state=deactivated")


@pytest.mark.parametrize(
    "asked", ["sort=password", "sort=--", "role=god", "page=-3", "page=x", "q=%00", "group=99999", "state="]
)
def test_what_it_does_not_know_is_as_if_not_asked(world: World, asked: str) -> None:
    assert set(names(asked)) == {"Admin", "Editor", "Owner", "Stranger", "Viewer"}


def test_headers_keep_the_filters_and_turn_the_order(world: World) -> None:
    shown = people_table().shown(User.objects.all(), QueryDict("q=e&sort=name&page=1"))
    by_title = {header.title: header for header in shown.headers}
    assert by_title["Name"].aria_sort == "ascending"
    assert by_title["Name"].href == "?q=e&sort=-name"
    assert by_title["Joined"].href == "?q=e&sort=joined"
    assert by_title["Groups"].href == ""


@pytest.mark.parametrize("text", ["=1+1", "+1", "-cmd", "@SUM(A1)", "\t=1", " =1", "\r=1", "|calc", "\n=HYPERLINK(1)"])
def test_a_cell_is_never_a_formula(text: str) -> None:
    assert safe_cell(text).startswith("'")


def test_numbers_stay_numbers_and_quotes_are_quoted() -> None:
    assert csv_text([[-1.5, True, None, 'a "b", c']]) == '-1.5,yes,,"a ""b"", c"\r\n'


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_an_export_has_what_the_filters_left_and_is_recorded(world: World, staff: Staff) -> None:
    User.objects.filter(pk=world.stranger.pk).update(display_name="=HYPERLINK(0)")
    response = staff.client("auditor").get(reverse("console_people"), {"q": "stranger", "export": "csv"})
    assert response["Content-Disposition"] == 'attachment; filename="people.csv"'
    titles, *found = exported(response)
    assert titles[:3] == ["Name", "Email", "Role"]
    assert [line[:2] for line in found] == [["'=HYPERLINK(0)", "stranger@example.org"]]
    event = AuditEvent.objects.get(action="console.exported")
    assert (event.details["rows"], event.details["filters"]) == (1, {"q": "(typed)"})


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_an_export_has_every_row_once(world: World, staff: Staff) -> None:
    User.objects.bulk_create(User(email=f"p{number}@example.org", display_name="Same") for number in range(1200))
    lines = exported(staff.client("admin").get(reverse("console_people"), {"export": "csv"}))
    emails = [line[1] for line in lines[1:]]
    assert len(emails) == len(set(emails)) == User.objects.count()
