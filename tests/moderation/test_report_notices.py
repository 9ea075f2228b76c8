"""Moderators are told that something waits, once until they have looked."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.accounts.models import SiteRole, User
from apps.moderation.actions.appeals import appeal
from apps.moderation.actions.decisions import decide
from apps.moderation.actions.notices import mark_read
from apps.moderation.models import Case, Notice
from apps.moderation.notices import notify_once
from tests.moderation.build import decided, moderator, report
from tests.world import World


def titles(person: User) -> list[str]:
    return list(Notice.objects.filter(user=person).order_by("created_at", "pk").values_list("title", flat=True))


def read(person: User) -> None:
    mark_read(user=person, notices=Notice.objects.filter(user=person))


def test_whoever_may_decide_is_told_of_a_new_report(world: World) -> None:
    mo = moderator()
    auditor = User.objects.create_user("au@example.org", site_role=SiteRole.AUDITOR)
    away = User.objects.create_user("away@example.org", site_role=SiteRole.MODERATOR, is_active=False)
    report(world, world.viewer)
    notice = Notice.objects.get(user=mo)
    assert (notice.title, notice.url) == ("A report waits for a decision", "/console/reports/?shown=open")
    assert notice.text == "The latest is about a project: spam or advertising."
    assert titles(world.admin) == titles(mo)
    assert titles(auditor) == titles(away) == titles(world.owner) == titles(world.viewer) == []


def test_a_moderator_who_reports_or_wrote_it_is_not_told(world: World) -> None:
    for person in (world.viewer, world.owner):
        User.objects.filter(pk=person.pk).update(site_role=SiteRole.MODERATOR)
    report(world, world.viewer)
    assert titles(world.viewer) == titles(world.owner) == []
    assert titles(world.admin)


def test_a_storm_is_one_notice_until_it_is_read(world: World) -> None:
    mo = moderator()
    first = report(world, world.viewer).case
    report(world, world.editor)  # the same thing, which waits already: nothing new to say
    assert titles(mo) == ["A report waits for a decision"]
    decide(actor=world.admin, case=first, outcome="dismiss", reason="", seen="")
    report(world, world.viewer)
    assert titles(mo) == ["Reports wait for a decision"]
    read(mo)
    decide(actor=world.admin, case=first, outcome="warn", reason="Be kind.", seen=first.decisions.all()[0].pk)
    report(world, world.viewer)
    assert titles(mo) == ["Reports wait for a decision", "A report waits for a decision"]


def test_an_appeal_is_told_too(world: World) -> None:
    mo = moderator()
    decision = decided(world, world.admin, "warn", "Be kind.")
    read(mo)
    appeal(actor=world.owner, decision=decision, text="I was.")
    assert titles(mo)[-1] == "An appeal waits for an answer"
    assert Notice.objects.filter(user=mo).latest("created_at").url == "/console/reports/?shown=appeals"


def test_telling_many_is_one_statement(world: World) -> None:
    people = [moderator(f"mo{number}") for number in range(5)]
    with CaptureQueriesContext(connection) as queries:
        notify_once(people, "key", "Something waits")
    assert len(queries) == 1
    assert Notice.objects.filter(key="key").count() == 5


@pytest.mark.django_db(transaction=True)
def test_reports_at_once_are_one_notice_each() -> None:
    people = [moderator(f"mo{number}") for number in range(4)]
    barrier = threading.Barrier(8)

    def tell(number: int) -> None:
        try:
            barrier.wait(60)
            with transaction.atomic():
                notify_once(people if number % 2 else reversed(people), "reports", "One", again="Several")
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(tell, range(8)))
    assert [titles(person) for person in people] == [["Several"]] * 4


def test_a_case_without_a_report_tells_nobody(world: World) -> None:
    Case.objects.create(kind="prompt", thing_id="x")
    assert titles(world.admin) == []
