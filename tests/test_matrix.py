"""The permission matrix over every address of the site; see tests/matrix/tables.py for the table itself."""

from __future__ import annotations

import secrets

import pytest
from django.db import transaction
from django.http import HttpResponse
from django.test import Client, override_settings

from tests.matrix.rooms import ROOMS
from tests.matrix.site import Site, db, furnished
from tests.matrix.tables import FORMS, JSON, PAGES, PEOPLE, SIGN_IN, Row, rows
from tests.matrix.things import address, routes

__all__ = ["db", "furnished"]
ROWS = [*rows(PAGES), *rows(SIGN_IN), *(row for room in ROOMS for row in rows(room.ROWS))]
ALL_FORMS = FORMS | {key: sent for room in ROOMS for key, sent in room.FORMS.items()}
ALL_JSON = JSON | {key: sent for room in ROOMS for key, sent in room.JSON.items()}


def test_every_address_is_in_the_table() -> None:
    listed = {row.route for row in ROWS}
    found = {name for name, _ in routes()}
    assert not found - listed, "these addresses are in no table: say who may use them"
    assert not listed - found, "these addresses are gone"


@pytest.mark.model
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.method}-{row.route}")
@override_settings(METRICS_TOKEN="a-token-that-nobody-here-has")
def test_everybody_gets_what_the_table_says(row: Row, furnished: Site, db: None) -> None:
    url = address(row.route, furnished.things)
    clients = {person: furnished.client(person) for person in PEOPLE}
    found = {person: _try(client, row, url, person) for person, client in clients.items()}
    assert found == row.expected


@pytest.mark.model
@pytest.mark.parametrize(
    "row",
    [row for row in ROWS if row.method == "POST" and set(row.expected.values()) != {"401"}],
    ids=lambda row: f"{row.method}-{row.route}",
)
def test_nothing_is_changed_without_a_csrf_token(row: Row, furnished: Site, db: None) -> None:
    """Where being signed in opens nothing there is nothing to forge."""
    url = address(row.route, furnished.things)
    client = furnished.client("owner", enforce_csrf_checks=True)
    assert _send(client, row, url, "owner").status_code == 403


def _try(client: Client, row: Row, url: str, person: str) -> str:
    """What happens, undone again, so that the next person finds everything as it was."""
    before = transaction.savepoint()
    response = _send(client, row, url, person)
    transaction.savepoint_rollback(before)
    if response.status_code == 302:
        location = response.headers["Location"]
        if location.startswith("/accounts/login/"):
            return "login"
        if location.startswith("/accounts/reauthenticate/"):
            return "again"
    return str(response.status_code)


def _send(client: Client, row: Row, url: str, person: str) -> HttpResponse:
    key = (row.route, row.method)
    if row.method == "GET":
        return client.get(url)
    if key in ALL_JSON:
        return client.post(url, ALL_JSON[key], content_type="application/json")
    blanks = {"{person}": person, "{random}": secrets.token_hex(4)}
    fields = dict(ALL_FORMS.get(key, {}))
    for blank, value in blanks.items():
        fields = {name: text.replace(blank, value) for name, text in fields.items()}
    return client.post(url, fields)
