"""The audit page: who sees it, its filters and its paging."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import chain

import pytest
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.audit.record import Target, record
from apps.console.paging import LARGEST_ID, by_key
from apps.conversations.models import Conversation
from apps.projects.models import Membership, Project, Role
from apps.studio.models import Board
from tests.prompts.build import write
from tests.world import World

URL = "/console/audit/"


@pytest.fixture
def admin_browser(world: World) -> Client:
    client = Client()
    client.force_login(world.admin)
    return client


@pytest.fixture
def history(world: World) -> None:
    """Three events, one of each outcome, of different people."""
    lighthouse = Target("project", world.project.pk, "Lighthouse")
    record("project.created", actor=world.owner, target=lighthouse, project_id=world.project.pk)
    record("access.denied", actor=world.viewer, target=Target("page", "project_delete"), outcome="denied")
    record("project.archived", actor=world.owner, target=lighthouse, outcome="failed", note="<script>alert(1)</script>")


def shown(response) -> list[str]:
    """The actions on the page, newest first."""
    return [event.action for event in response.context["shown"].page.rows]


@pytest.mark.parametrize("name", ["owner", "editor", "viewer", "stranger"])
def test_it_is_for_administrators(world: World, name: str) -> None:
    client = Client()
    assert client.get(URL).headers["Location"].startswith(reverse("account_login"))
    client.force_login(world.person(name))
    assert client.get(URL).status_code == 404
    assert not AuditEvent.objects.exists()


def test_reading_it_is_recorded_once_with_the_filters(admin_browser: Client, world: World) -> None:
    admin_browser.get(URL, {"outcome": "denied"})
    event = AuditEvent.objects.get()
    assert (event.action, event.actor_id) == ("audit.viewed", world.admin.pk)
    assert event.details == {"events": 0, "filters": {"outcome": "denied"}}
    assert shown(admin_browser.get(URL)) == ["audit.viewed"]


@pytest.mark.usefixtures("history")
def test_what_people_wrote_is_escaped(admin_browser: Client) -> None:
    text = admin_browser.get(URL).text
    assert "<script>alert" not in text
    assert "Created a project" in text


FILTERS = [
    ({"action": "project.created"}, ["project.created"]),
    ({"action": "project."}, ["project.archived", "project.created"]),
    ({"outcome": "denied"}, ["access.denied"]),
    ({"actor": "viewer@"}, ["access.denied"]),
    ({"actor": "OWNER"}, ["project.archived", "project.created"]),
    ({"target": "light"}, ["project.archived", "project.created"]),
    ({"target": "project_delete"}, ["access.denied"]),
    ({"actor": "owner", "outcome": "failed"}, ["project.archived"]),
    ({"actor": "nobody"}, []),
    ({"target": "%"}, []),
]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(("filters", "expected"), FILTERS)
def test_filters(admin_browser: Client, filters: dict[str, str], expected: list[str]) -> None:
    response = admin_browser.get(URL, filters)
    assert shown(response) == expected
    assert ("Nothing matches" in response.text) == (not expected)


@pytest.mark.usefixtures("history")
def test_filter_by_project_and_by_exact_ids(admin_browser: Client, world: World) -> None:
    assert shown(admin_browser.get(URL, {"project": world.project.pk})) == ["project.created"]
    assert len(shown(admin_browser.get(URL, {"actor": world.owner.pk}))) == 2
    assert len(shown(admin_browser.get(URL, {"target": world.project.pk}))) == 2


@pytest.mark.usefixtures("history")
def test_dates_are_whole_days(admin_browser: Client) -> None:
    today = timezone.localdate()
    day = timedelta(days=1)
    assert len(shown(admin_browser.get(URL, {"since": today, "until": today}))) == 3
    assert not shown(admin_browser.get(URL, {"since": today + day}))
    assert not shown(admin_browser.get(URL, {"until": today - day}))
    assert len(shown(admin_browser.get(URL, {"since": "0001-01-01", "until": "9999-12-31"}))) == 6


WRONG = [{"since": "yesterday"}, {"since": "2026-02-02", "until": "2026-02-01"}, {"until": "10000-01-01"}]
AS_IF_NOT_ASKED = [{"action": "nope"}, {"outcome": "maybe"}, {"actor": "\x00"}, {"sort": "who"}, {"export": "pdf"}]


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("filters", WRONG)
def test_a_wrong_filter_is_explained(admin_browser: Client, filters: dict[str, str]) -> None:
    response = admin_browser.get(URL, filters)
    assert response.status_code == 422
    assert 'aria-invalid="true"' in response.text
    assert response.context["shown"].problem in response.text
    assert not AuditEvent.objects.filter(action="audit.viewed").exists()
    for name in ("export.csv", "export.jsonl"):
        assert admin_browser.get(URL + name, filters).status_code == 422


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize("asked", AS_IF_NOT_ASKED)
def test_what_it_does_not_know_is_as_if_not_asked(admin_browser: Client, asked: dict[str, str]) -> None:
    assert len(shown(admin_browser.get(URL, asked))) == 3


@pytest.mark.usefixtures("history")
def test_what_was_typed_is_kept_as_an_id_or_not_at_all(admin_browser: Client, world: World) -> None:
    for typed, kept in (
        (world.owner.email.upper(), world.owner.pk),
        (world.owner.pk, world.owner.pk),
        ("owner@", "(typed)"),
    ):
        assert len(shown(admin_browser.get(URL, {"actor": typed}))) == 2
        assert AuditEvent.objects.filter(action="audit.viewed")[0].details["filters"] == {"actor": kept}


@pytest.mark.parametrize("down", [True, False])
def test_paging_meets_every_event_once_both_ways(db: None, down: bool) -> None:
    ids = sorted((record("audit.viewed").pk for _ in range(25)), reverse=down)
    events = AuditEvent.objects.all()

    def turned(way: str, asked: dict[str, int]) -> list[list[int]]:
        pages, place = [], asked
        while place is not None:
            page = by_key(events, query(place), 10, down=down)
            pages.append([event.pk for event in page.rows])
            place = getattr(page, way)
        return pages

    forwards = turned("next", {})
    assert list(chain(*forwards)) == ids
    beyond = {"after" if down else "before": ids[-1] - 1 if down else ids[-1] + 1}
    assert list(chain(*reversed(turned("previous", beyond)))) == ids


def query(place: dict[str, object]) -> QueryDict:
    asked = QueryDict(mutable=True)
    asked.update({key: str(value) for key, value in place.items()})
    return asked


@pytest.mark.parametrize("asked", ["", "x", "-1", "²", "0", str(LARGEST_ID * 10)])
def test_an_odd_key_shows_the_newest(db: None, asked: str) -> None:
    event = record("audit.viewed")
    assert by_key(AuditEvent.objects.all(), query({"before": asked}), 50, down=True).rows == [event]


def test_links_keep_the_filters(admin_browser: Client, world: World) -> None:
    for _ in range(60):
        record("audit.viewed", actor=world.admin)
    text = admin_browser.get(URL, {"action": "audit.viewed"}).text
    assert re.search(r'href="\?action=audit\.viewed&amp;before=\d+"', text)


def test_a_full_page_takes_as_many_queries_as_an_empty_one(admin_browser: Client, world: World) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            admin_browser.get(URL)
        return len(captured)

    queries()  # notes the session's activity, once a minute
    first = queries()
    for _ in range(60):
        record("audit.viewed", actor=world.admin)
    assert queries() == first <= 12


def test_things_without_a_title_have_a_short_id_and_a_link_for_who_may_see_them(
    admin_browser: Client, world: World
) -> None:
    mine, other = Project.objects.create(name="Harbour"), world.project
    Membership.objects.create(project=mine, user=world.admin, role=Role.VIEWER)
    talks = [Conversation.objects.create(project=each) for each in (mine, other)]
    boards = [Board.objects.create(project=each, name="Fruit") for each in (mine, other)]
    for kind, rows in (("conversation", talks), ("board", boards)):
        for row in rows:
            record(f"{kind}.created", actor=world.owner, target=Target(kind, row.pk, kind), project_id=row.project_id)
    prompt = write(world.admin)
    record("prompt.created", actor=world.admin, target=Target("prompt", prompt.pk, "prompt"))
    record("prompt.created", actor=world.owner, target=Target("prompt", "gone", "prompt"))
    page = admin_browser.get(URL).content.decode()
    for row in (*talks, *boards, prompt):
        assert f'<span class="mono">{row.pk[:8]}</span>' in page
    assert f'href="/c/{talks[0].pk}/"' in page
    assert f'href="/p/{mine.pk}/studio/?board={boards[0].pk}"' in page
    assert f'href="/prompts/{prompt.pk}/"' in page
    assert f'href="/c/{talks[1].pk}/"' not in page
    assert f"?board={boards[1].pk}" not in page
    assert "Fruit" not in page
