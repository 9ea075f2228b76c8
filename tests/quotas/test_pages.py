"""Usage pages show what the ledger says, and cost the same number of queries however much it is."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.quotas.charts import HEIGHT, LEAST, WIDTH, chart
from apps.quotas.governing import remove_price, remove_quota, set_price, set_quota
from apps.quotas.models import LedgerEntry, Metric, Period, Quota, Subject
from tests.quotas.conftest import SubmitAs
from tests.quotas.people import quota
from tests.quotas.test_reserving import finished
from tests.world import World


def test_what_was_used_and_what_it_costs_is_on_all_three_pages(
    world: World, submit_as: SubmitAs, client: Client, model: HostedModel
) -> None:
    set_price(actor=world.admin, model=None, per_second=Decimal("0.5"), currency="eur")
    set_price(actor=world.admin, model=model, per_second=Decimal("2"))
    finished(submit_as(world.editor), device_ms=1500.0)
    tokens = LedgerEntry.objects.get(kind="settle").tokens
    pages = {"/me/usage/": world.editor, f"/p/{world.project.pk}/usage/": world.viewer, "/console/usage/": world.admin}
    for address, person in pages.items():
        client.force_login(person)
        page = client.get(address).content.decode()
        assert "3.00 <span>EUR</span>" in page, address
        assert f"<dd>{tokens}</dd>" in page
        assert page.count("1.5 device-seconds</title>") == 1
        assert "Tiny" in page
    client.force_login(world.viewer)
    assert "Nothing in these days." in client.get("/me/usage/").content.decode()


def test_a_quota_that_is_nearly_used_up_is_told(world: World, submit_as: SubmitAs, client: Client) -> None:
    quota("every_user", "concurrent_jobs", 1)
    quota("every_user", "tokens", 1_000_000, "month")
    submit_as(world.editor)
    client.force_login(world.editor)
    page = client.get("/me/usage/").content.decode()
    assert "The quota of 1 answer at once is used up (100 %)." in page
    assert "1,000,000 tokens a month" in page
    assert page.count("notice-bad") == 1


def test_a_longer_history_costs_no_more_queries(world: World, submit_as: SubmitAs, client: Client) -> None:
    client.force_login(world.admin)
    numbers = []
    client.get("/console/usage/")
    for _ in range(2):
        finished(submit_as(world.editor))
        finished(submit_as(world.owner))
        with CaptureQueriesContext(connection) as queries:
            assert client.get("/console/usage/?days=90").status_code == 200
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_bars_are_as_high_as_what_they_stand_for() -> None:
    days = [(date(2026, 11, 1) + timedelta(days=number), value) for number, value in enumerate((0, 50, 100, 0.001))]
    drawn = chart("Tokens", "tokens", days)
    assert [bar.height for bar in drawn.bars] == [0, HEIGHT / 2, HEIGHT, LEAST]
    assert all(bar.x >= 0 and bar.x + bar.width <= WIDTH for bar in drawn.bars)
    assert chart("Tokens", "tokens", []).total == 0


def test_quotas_are_set_changed_and_removed_with_an_audit_event(world: World) -> None:
    choice = {"subject": Subject.EVERY_USER, "metric": Metric.TOKENS, "period": Period.DAY}
    first = set_quota(actor=world.admin, limit=10, **choice)  # type: ignore[arg-type]
    assert set_quota(actor=world.admin, limit=20, **choice) == first  # type: ignore[arg-type]
    event = AuditEvent.objects.filter(action="quota.set").latest("pk")
    assert (event.details["limit"], event.details["before"]) == (20, 10)
    assert remove_quota(actor=world.admin, quota=first)
    assert not remove_quota(actor=world.admin, quota=first)
    price = set_price(actor=world.admin, model=None, per_second=Decimal(1), currency="EUR")
    assert remove_price(actor=world.admin, price=price)
    assert not Quota.objects.exists()


def test_what_makes_no_sense_is_refused_in_words(world: World) -> None:
    with pytest.raises(ValidationError) as error:
        set_quota(actor=world.admin, subject=Subject.USER, metric=Metric.TOKENS, period=Period.ANY, limit=-1)
    assert set(error.value.message_dict) == {"user", "period", "limit"}
    with pytest.raises(ValidationError):
        set_price(actor=world.admin, model=None, per_second=Decimal("NaN"), currency="EUR")
    with pytest.raises(ValidationError):
        set_price(actor=world.admin, model=None, per_second=Decimal(1), currency="€")
