"""Hostile requests to every address, from everybody: none breaks the site, and nobody changes what isn't theirs."""

from __future__ import annotations

import os
import traceback
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.signals import got_request_exception
from django.db import connection, transaction

from apps.projects.models import Membership, Role
from tests.matrix.hostile import Hostile, hostile_request
from tests.matrix.site import Site, db, furnished

__all__ = ["db", "furnished"]
FIRST = int(os.environ.get("HOSTILE_FIRST", "0"))
REQUESTS = int(os.environ.get("HOSTILE_REQUESTS", "1000"))
pytestmark = [pytest.mark.model, pytest.mark.timeout(120 + REQUESTS // 5)]
OUTSIDERS = ("anonymous", "stranger", "viewer")
READING = ("GET", "HEAD", "OPTIONS", "TRACE")
ANYBODYS = {"django_session", "audit_label", "audit_unsealed", "accounts_sitesettings"}
"""Tables whose rows come with what was done, and name no person."""
OF_WHO_HAS_THEM = {"sign_in_link", "invitation"}
"""Addresses that let in whoever has them, as somebody else or by using them up."""
MADE_BY_ALL = {"projects_project"}
"""Whose it is stands elsewhere."""
COUNTS = ["star_count", "use_count", "comment_count", "trending"]
"""Columns that tell how many did something."""


Rows = dict[str, set[str]]


def all_rows() -> Rows:
    """Every row of every table, as text."""
    found: Rows = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT (to_jsonb(each) - %s::text[])::text FROM "{table}" AS each', [COUNTS])
            found[table] = {text for (text,) in cursor.fetchall()}
    return found


def test_nothing_breaks_and_nobody_changes_what_is_not_theirs(furnished: Site, db: None) -> None:
    errors: list[str] = []
    before, findings, statuses = all_rows(), list[str](), Counter[int]()

    def broke(**_: Any) -> None:
        errors.append("".join(traceback.format_exc().splitlines(keepends=True)[-14:]))

    got_request_exception.connect(broke)
    try:
        for number in range(FIRST, FIRST + REQUESTS):
            request = hostile_request(furnished, number)
            errors.clear()
            with forgotten():
                status = answer(furnished, request)
                statuses[status] += 1
                if status >= 500:
                    findings.append(f"{number}: {status} {request}\n{''.join(errors)}")
                elif is_bound(request) and status < 400:
                    findings += [f"{number}: {request} {what}" for what in changed(furnished, request.person, before)]
    finally:
        got_request_exception.disconnect(broke)
    assert {200, 201, 302, 400, 403, 404, 422} <= statuses.keys(), "some are understood, and some are not"
    assert not findings, "\n\n".join([f"{len(findings)} of {REQUESTS}:", *findings[:30]])


@contextmanager
def forgotten() -> Iterator[None]:
    """What is done inside is undone, also where it broke the transaction."""
    before = transaction.savepoint()
    try:
        yield
    finally:
        transaction.set_rollback(False)
        transaction.savepoint_rollback(before)
        transaction.savepoint_commit(before)  # or thousands of them would lie in each other


def is_bound(request: Hostile) -> bool:
    """Whether it may change only what names its sender."""
    return request.person in OUTSIDERS and request.method not in READING and request.route not in OF_WHO_HAS_THEM


def answer(site: Site, request: Hostile) -> int:
    client = site.client(request.person, raise_request_exception=False)
    response = client.generic(request.method, request.url, request.body, request.kind, **request.headers)
    if response.streaming and not response.is_async:  # those that are follow what may have no end
        b"".join(response)
    return int(response.status_code)


def changed(site: Site, person: str, before: Rows) -> Iterator[str]:
    """What came, went or is different now and says nothing of the person."""
    owner = site.world.person(person).pk if person != "anonymous" else "nobody"
    for table, rows in all_rows().items():
        for row in before[table] - rows if table in MADE_BY_ALL else before[table] ^ rows:
            if owner not in row and table not in ANYBODYS:
                yield f"changed {table}: {row[:300]}"
    grown = Membership.objects.filter(user_id=owner, project=site.world.project, role__gt=Role.VIEWER)
    if person == "viewer" and grown.exists():
        yield "has a larger role"


BROKE = (
    ("GET", "/accounts/oidc/%00/login/", "", 404),
    ("POST", "/console/invitations/%FF%00/revoke/", "", 404),
    ("GET", "/accounts/inactive/?next=http://[", "", 200),
    ("POST", "/console/models/model-of-the-matrix/version/", "version=a%00b", 404),
)


@pytest.mark.parametrize(("method", "url", "sent", "status"), BROKE)
def test_what_once_broke_it(furnished: Site, db: None, method: str, url: str, sent: str, status: int) -> None:
    response = furnished.client("admin").generic(method, url, sent, "application/x-www-form-urlencoded")
    assert response.status_code == status
