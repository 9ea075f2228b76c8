"""The report form, the queue, notices and appeals as people use them."""

from __future__ import annotations

from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import SiteRole, User
from apps.audit.models import AuditEvent
from apps.moderation.limits import LIMITS
from apps.moderation.models import Case, Doing, Notice
from apps.moderation.notices import notify
from tests.moderation.build import KIND, decided, moderator, report
from tests.world import World


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def address(world: World) -> str:
    return f"/report/{KIND}/{world.project.pk}/"


def test_reporting_on_the_page(world: World) -> None:
    viewer = browser(world.viewer)
    page = viewer.get(address(world))
    assert "Report this project" in page.content.decode()
    assert viewer.post(address(world), {"reason": "other"}).status_code == 422
    sent = viewer.post(address(world), {"reason": "other", "text": "It is odd."}, follow=True)
    assert sent.redirect_chain == [(f"/p/{world.project.pk}/", 302), *sent.redirect_chain[1:]]
    again = viewer.post(address(world), {"reason": "spam"})
    assert again.status_code == 409
    assert "You have reported this already" in again.content.decode()


def test_reporting_in_the_dialog(world: World) -> None:
    sent = browser(world.viewer).post(address(world), {"reason": "spam"}, headers={"Accept": "application/json"})
    assert "A moderator will look at it" in sent.json()["text"]


def test_too_many_reports(world: World) -> None:
    for _ in range(LIMITS["report.create"].first_day):
        Doing.objects.create(user=world.viewer, action="report.create", at=world.viewer.date_joined)
    refused = browser(world.viewer).post(address(world), {"reason": "spam"})
    assert refused.status_code == 429
    assert "Try again in" in refused.content.decode()


def test_the_queue_filters_and_sorts(world: World) -> None:
    mo = browser(moderator())
    assert "Nothing is waiting" in mo.get("/console/reports/").content.decode()
    report(world, world.viewer)

    def found(query: str) -> list[Case]:
        return mo.get(f"/console/reports/?{query}").context["shown"].page.rows

    case = Case.objects.get()
    for query in (
        "",
        "shown=open",
        "shown=all",
        f"kind={KIND}",
        "reason=spam",
        "sort=-waiting",
        "q=light",
        "shown=%00&page=x&sort=?",
    ):
        assert found(query) == [case], query
    for query in ("shown=appeals", "shown=hidden", "shown=decided", "reason=abuse", "q=nothing"):
        assert found(query) == [], query


def test_the_same_queries_for_any_number(world: World) -> None:
    mo = browser(moderator())

    def grow(number: int) -> None:
        for n in range(number):
            case = Case.objects.create(kind=KIND, thing_id=f"{Case.objects.count()}-{n}", author=world.owner, label="x")
            case.reports.create(reporter=world.viewer, reason="spam")
            case.decisions.create(moderator=world.admin, outcome="dismiss")

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert mo.get("/console/reports/").status_code == 200
        return len(queries)

    grow(1)
    count()  # the first notes the session
    few = count()
    grow(20)
    assert count() == few


def test_a_moderator_decides(world: World) -> None:
    case = report(world, world.viewer, "abuse", "See the last line.").case
    mo, page = browser(moderator()), f"/console/reports/{case.pk}/"
    shown = mo.get(page).content.decode()
    assert "See the last line." in shown
    assert "About Lighthouse" in shown
    unreasoned = mo.post(f"{page}decide/", {"outcome": "hide", "reason": "", "seen": ""})
    assert unreasoned.status_code == 409
    assert "Write a reason" in unreasoned.content.decode()
    assert mo.post(f"{page}decide/", {"outcome": "hide", "reason": "Rude.", "seen": ""}).status_code == 302
    late = mo.post(f"{page}decide/", {"outcome": "warn", "reason": "Rude.", "seen": ""})
    assert "Mo hid it meanwhile" in late.content.decode()
    assert "Show it again" in mo.get(page).content.decode()


def test_an_auditor_sees_and_changes_nothing(world: World) -> None:
    case = report(world, world.viewer).case
    auditor = User.objects.create_user("au@example.org", site_role=SiteRole.AUDITOR)
    page = f"/console/reports/{case.pk}/"
    assert browser(auditor).get(page).status_code == 200
    assert "Hide it" not in browser(auditor).get(page).content.decode()
    assert browser(auditor).post(f"{page}decide/", {"outcome": "dismiss"}).status_code == 403
    governor = User.objects.create_user("go@example.org", site_role=SiteRole.GOVERNOR)
    assert browser(governor).get(page).status_code == 403
    assert browser(world.owner).get(page).status_code == 404


def test_the_author_reads_why_and_appeals(world: World) -> None:
    decision = decided(world, moderator())
    owner = browser(world.owner)
    page = owner.get("/me/notices/").content.decode()
    assert "It is an advertisement." in page
    assert ">New<" in page
    assert ">New<" not in owner.get("/me/notices/").content.decode()
    url = f"/me/decisions/{decision.pk}/appeal/"
    assert owner.get(url).status_code == 200
    assert owner.post(url, {"text": ""}).status_code == 422
    assert owner.post(url, {"text": "It is not."}).status_code == 302
    assert owner.post(url, {"text": "It is not."}).status_code == 409
    other = browser(moderator("other"))
    case = f"/console/reports/{decision.case_id}/"
    assert "It is not." in other.get(case).content.decode()
    assert other.post(f"{case}answer/", {"granted": "yes", "answer": ""}).status_code == 422
    assert other.post(f"{case}answer/", {"granted": "yes", "answer": "Right."}).status_code == 302
    assert other.post(f"{case}answer/", {"granted": "no", "answer": "Wrong."}).status_code == 302
    assert "was granted" in owner.get("/me/notices/").content.decode()


def test_notices_are_ones_own_and_go_when_dismissed(world: World) -> None:
    notice = notify(world.owner, "Read this", "It is <b>short</b>.", url="/models/")
    assert notice
    assert browser(world.viewer).post(f"/me/notices/{notice.pk}/dismiss/").status_code == 404
    owner = browser(world.owner)
    badge = '1<span class="visually-hidden"> unread</span>'
    assert badge in owner.get("/projects/").content.decode()
    assert "It is &lt;b&gt;short&lt;/b&gt;." in owner.get("/me/notices/").content.decode()
    assert badge not in owner.get("/projects/").content.decode()
    owner.post(f"/me/notices/{notice.pk}/dismiss/")
    assert "Nothing new" in owner.get("/me/notices/").content.decode()
    notify(world.owner, "Came meanwhile")
    owner.post("/me/notices/dismiss/")
    assert Notice.objects.filter(user=world.owner, dismissed_at=None).count() == 1


@pytest.mark.parametrize("url", ["/report/%00/%00/", "/report/test_project/%00/", "/console/reports/%00/"])
def test_strange_addresses(world: World, url: str) -> None:
    assert browser(world.admin).get(url).status_code == 404


async def whole(answer: Any) -> str:
    return "".join([piece.decode() async for piece in answer])


def test_the_queue_as_csv(world: World) -> None:
    case = Case.objects.create(kind=KIND, thing_id="x", author=world.owner, label="=1+1")
    case.reports.create(reporter=world.viewer, reason="spam")
    answer = browser(moderator()).get("/console/reports/?export=csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="reports.csv"'
    titles, line = async_to_sync(whole)(answer).splitlines()
    assert titles.startswith("Case,What,Kind,Id,Author,Reasons,Waiting reports")
    assert f"{case.pk},'=1+1,project,x,Owner,Spam or advertising,1," in line
    event = AuditEvent.objects.get(action="console.exported")
    assert (event.target_id, event.details) == ("reports", {"rows": 1, "filters": {"shown": "open"}})
