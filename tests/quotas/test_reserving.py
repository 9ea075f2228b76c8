"""What is set aside at submit, refused, warned of, and settled by every kind of end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from apps.catalog.models import HostedModel
from apps.generations.actions import request_cancel, wipe_content
from apps.generations.claims import Held, claim
from apps.generations.endings import Outcome, finish, reap
from apps.generations.errors import Refused
from apps.generations.models import GenerationJob, State
from apps.generations.orphans import settle_orphans
from apps.quotas.actions import reserve
from apps.quotas.balance import differences
from apps.quotas.ledger import HALF_LIFE_SECONDS, Measured, write_settlements
from apps.quotas.limits import Limit, Standing, applicable, standings
from apps.quotas.models import LedgerEntry, Metric, Period, RecentUse, Subject, UsageTotal
from apps.quotas.words import refusal, renewal
from tests.quotas.conftest import SubmitAs
from tests.quotas.people import crowd, quota
from tests.world import World

Ending = Callable[[GenerationJob], None]


def finished(job: GenerationJob, device_ms: float | None = 1500.0) -> None:
    held = Held(job.pk, job.attempt + 1)
    claim("w", ["tiny"], 50)
    assert finish(held, Outcome(State.SUCCEEDED, "abc", "stop", 7, device_ms=device_ms))


def cancelled(job: GenerationJob) -> None:
    assert job.user is not None
    request_cancel(actor=job.user, job=job)


def given_up(job: GenerationJob) -> None:
    claim("w", ["tiny"], 1)
    GenerationJob.objects.update(lease_until=Now() - timedelta(seconds=1), lost_attempts=99)
    assert [each.state for each in reap()] == [State.FAILED]


def wiped_waiting(job: GenerationJob) -> None:
    wipe_content([job.pk])


def wiped_running(job: GenerationJob) -> None:
    claim("w", ["tiny"], 1)
    wipe_content([job.pk])


def deleted(job: GenerationJob) -> None:
    job.project.delete()
    assert settle_orphans() == 1


@pytest.mark.parametrize(
    ("end", "tokens"),
    [(finished, 7), (cancelled, None), (given_up, 0), (wiped_waiting, None), (wiped_running, 0), (deleted, None)],
)
def test_every_end_settles_once(world: World, submit_as: SubmitAs, end: Ending, tokens: int | None) -> None:
    job = submit_as(world.editor)
    total = UsageTotal.objects.get(subject="site")
    assert (total.open_jobs, total.reserved_tokens, total.tokens) == (1, job.prompt_tokens + 20, 0)
    end(job)
    entry = LedgerEntry.objects.get(kind="settle")
    assert entry.tokens == (0 if tokens is None else job.prompt_tokens + tokens)
    total.refresh_from_db()
    assert (total.open_jobs, total.reserved_tokens, total.tokens) == (0, 0, entry.tokens)
    again = Measured(job.pk, world.editor.pk, job.project_id, "tiny", tokens=1000, device_ms=1e6)
    write_settlements([again, again])
    assert LedgerEntry.objects.filter(kind="settle").count() == 1
    assert settle_orphans() == 0
    assert differences() == []


def test_where_no_quota_applies_a_reservation_costs_two_statements(world: World, model: HostedModel) -> None:
    quota("user", "tokens", 5, user=world.stranger)
    with CaptureQueriesContext(connection) as queries, transaction.atomic():
        reserve(job_id="a" * 16, user=world.editor, project=world.project, model=model, tokens=10)
    assert len([each for each in queries if "SAVEPOINT" not in each["sql"]]) == 2


def test_a_refusal_says_what_is_left_and_when_it_renews_and_writes_nothing(world: World, submit_as: SubmitAs) -> None:
    mine = quota("user", "tokens", 60, user=world.editor)
    first = submit_as(world.editor)
    with pytest.raises(Refused) as refusal:
        submit_as(world.editor)
    left = 60 - first.prompt_tokens - 20
    assert (refusal.value.status, refusal.value.code) == (429, "quota_exceeded")
    assert f"Your quota is 60 tokens a day: there is {left} tokens left" in refusal.value.message
    assert refusal.value.details["remedy"] == {"url": "/me/usage/", "label": "See your usage", "asks": False}
    assert "It renews on " in refusal.value.message
    assert LedgerEntry.objects.count() == GenerationJob.objects.count() == 1
    mine.limit = 600
    mine.save()
    submit_as(world.editor)


def test_what_was_not_used_is_free_again(world: World, submit_as: SubmitAs) -> None:
    quota("every_user", "tokens", 60)
    finished(submit_as(world.editor))
    submit_as(world.editor)


def test_one_s_own_quota_takes_the_place_of_everybody_s(world: World, submit_as: SubmitAs) -> None:
    quota("every_user", "concurrent_jobs", 0)
    quota("user", "concurrent_jobs", 1, user=world.editor)
    quota("user", "concurrent_jobs", None, user=world.owner)
    submit_as(world.editor)
    for _ in range(3):
        submit_as(world.owner)
    with pytest.raises(Refused, match="Wait for one, or stop one"):
        submit_as(world.editor)
    with pytest.raises(Refused, match="0 answers at once"):
        submit_as(*crowd(world.project, 1))


def test_a_project_and_the_site_have_quotas_too(world: World, submit_as: SubmitAs) -> None:
    quota("project", "concurrent_jobs", 1, project=world.project)
    submit_as(world.editor)
    with pytest.raises(Refused, match="This project's quota"):
        submit_as(world.owner)


def test_device_time_is_expected_from_what_was_measured(world: World, submit_as: SubmitAs, model: HostedModel) -> None:
    quota("site", "device_seconds", 100)
    finished(submit_as(world.editor), device_ms=10_000.0)
    job = submit_as(world.editor)
    expected = LedgerEntry.objects.get(job_id=job.pk).device_ms
    settled = LedgerEntry.objects.get(kind="settle")
    assert expected == pytest.approx(10_000 / settled.tokens * (job.prompt_tokens + 20))
    standing = standings(applicable())[0]
    assert (standing.used, standing.reserved) == (10.0, pytest.approx(expected / 1000))


def test_from_80_percent_on_whoever_submits_is_warned(world: World, submit_as: SubmitAs) -> None:
    assert submit_as(world.editor).quota_warnings == ()
    size = UsageTotal.objects.get(subject="site").reserved_tokens
    quota("site", "tokens", 5 * size, "month")
    assert [bool(submit_as(world.editor).quota_warnings) for _ in range(4)] == [False, False, True, True]
    with pytest.raises(Refused, match="The quota of this site"):
        submit_as(world.editor)


def test_whoever_waits_without_a_measurement_is_charged_what_is_usual(world: World, submit_as: SubmitAs) -> None:
    finished(submit_as(world.editor), device_ms=3000.0)
    finished(submit_as(world.editor), device_ms=None)
    first, second = LedgerEntry.objects.filter(kind="settle")
    assert first.tokens == second.tokens
    assert second.device_ms == pytest.approx(first.device_ms)


def test_device_time_of_long_ago_counts_less_for_the_order(world: World, submit_as: SubmitAs) -> None:
    finished(submit_as(world.editor), device_ms=4000.0)
    RecentUse.objects.update(as_of=Now() - timedelta(seconds=HALF_LIFE_SECONDS))
    finished(submit_as(world.editor), device_ms=1000.0)
    assert RecentUse.objects.get(pk=world.editor.pk).device_ms == pytest.approx(3000.0, rel=0.01)
    RecentUse.objects.update(as_of=Now() + timedelta(days=1))  # the clock went back
    finished(submit_as(world.editor), device_ms=1000.0)
    assert RecentUse.objects.get(pk=world.editor.pk).device_ms == pytest.approx(4000.0, rel=0.01)


def test_what_was_booked_tomorrow_counts_after_the_clock_went_back(world: World, submit_as: SubmitAs) -> None:
    quota("every_user", "tokens", 60)
    submit_as(world.editor)
    UsageTotal.objects.update(day=date.today() + timedelta(days=1))
    with pytest.raises(Refused, match="Your quota is 60 tokens a day"):
        submit_as(world.editor)
    UsageTotal.objects.update(day=date.today() - timedelta(days=1))
    submit_as(world.editor)


@pytest.mark.parametrize("statement", ["UPDATE quotas_ledgerentry SET tokens = 0", "DELETE FROM quotas_ledgerentry"])
def test_the_ledger_is_append_only(db: None, statement: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


def test_a_total_that_was_changed_is_found(world: World, submit_as: SubmitAs) -> None:
    finished(submit_as(world.editor))
    UsageTotal.objects.filter(subject="user").update(tokens=1)
    assert [(subject, whose) for subject, whose, *_ in differences()] == [("user", world.editor.pk)]


def test_sentences() -> None:
    day = Limit(Subject.USER, "u", Metric.TOKENS, Period.DAY, 1000, date(2026, 12, 31))
    month = Limit(Subject.PROJECT, "p", Metric.IMAGES, Period.MONTH, 1, date(2026, 12, 31))
    assert renewal(day) == renewal(month) == "It renews on 1 January at 00:00 UTC."
    assert refusal(Standing(month, 1, 0), 1) == (
        "This project's quota is 1 picture a month: there is nothing left. It renews on 1 January at 00:00 UTC."
    )
