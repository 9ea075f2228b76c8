"""Who used what in a project, usage as CSV, what Prometheus reads, and the check of the ledger."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from prometheus_client import REGISTRY

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel
from apps.generations.errors import Refused
from apps.quotas.actions import settle
from apps.quotas.governing import set_price
from apps.quotas.ledger import Measured
from apps.quotas.models import LedgerEntry, UsageTotal
from tests.quotas.conftest import SubmitAs
from tests.quotas.people import crowd, quota
from tests.quotas.test_reserving import finished
from tests.world import World


def table(answer: Any) -> list[list[str]]:
    async def whole() -> str:
        return "".join([piece.decode() async for piece in answer])

    return list(csv.reader(io.StringIO(async_to_sync(whole)())))


def page(client: Client, world: World, name: str) -> str:
    client.force_login(world.person(name))
    return client.get(f"/p/{world.project.pk}/usage/").content.decode()


def test_owners_see_who_used_what_and_others_do_not(world: World, submit_as: SubmitAs, client: Client) -> None:
    for user in (world.editor, world.editor, world.owner):
        finished(submit_as(user))
    shown = page(client, world, "owner")
    assert "Usage by person" in shown
    assert '<th scope="row">Editor</th><td data-label="Answers" class="num">2</td>' in shown
    for name in ("editor", "viewer"):
        assert "Usage by person" not in page(client, world, name)


def test_more_people_take_no_more_queries(world: World, submit_as: SubmitAs, client: Client) -> None:
    client.force_login(world.owner)
    client.get(f"/p/{world.project.pk}/usage/")
    numbers = []
    for people in ([world.editor], crowd(world.project, 5)):
        for person in people:
            finished(submit_as(person))
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/p/{world.project.pk}/usage/").status_code == 200
        numbers.append(len(queries))
    assert numbers[0] == numbers[1]


def test_usage_as_csv(world: World, submit_as: SubmitAs, client: Client, model: HostedModel) -> None:
    set_price(actor=world.admin, model=None, per_second=Decimal("0.5"), currency="EUR")
    finished(submit_as(world.editor))
    finished(submit_as(world.owner))
    world.owner.display_name = "=cmd()"
    world.owner.save()
    used = LedgerEntry.objects.filter(kind="settle")
    tokens, day = str(used[0].tokens), used[0].day.isoformat()
    line = ["Tiny", "1", tokens, "0", "1.5", "0.75", "EUR"]
    project = f"/p/{world.project.pk}/usage/"
    client.force_login(world.owner)
    titles, *lines = table(client.get(project, {"export": "csv"}))
    assert titles[:5] == ["Day", "Person", "Id of person", "Model", "Answers"]
    people = [["Editor", world.editor.pk], ["'=cmd()", world.owner.pk]]
    assert sorted(lines) == sorted([day, *who, *line] for who in people)
    client.force_login(world.viewer)
    both = [day, "Tiny", "2", str(2 * int(tokens)), "0", "3.0", "1.5", "EUR"]
    assert table(client.get(project, {"export": "csv"}))[1:] == [both]
    client.force_login(world.editor)
    assert table(client.get("/me/usage/", {"export": "csv"}))[1:] == [[day, *line]]
    client.force_login(world.admin)
    assert sorted(table(client.get("/console/usage/", {"export": "csv"}))[1:]) == sorted(lines)
    exported = AuditEvent.objects.filter(action="usage.exported").order_by("pk")
    assert [event.details["people"] for event in exported] == [True, False, False, True]
    assert exported[0].project_id == world.project.pk


def counted(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


@pytest.mark.django_db(transaction=True)
def test_what_prometheus_reads(world: World, submit_as: SubmitAs, client: Client) -> None:
    refusals = {"subject": "user", "metric": "concurrent_jobs", "period": "at_once"}
    names = ("atrium_quota_reservations_total", {"model": "tiny"}), ("atrium_quota_refusals_total", refusals)
    settled = "atrium_usage_settled_total", {"model": "tiny", "metric": "device_seconds"}
    before = [counted(name, **labels) for name, labels in (*names, settled)]
    quota("every_user", "concurrent_jobs", 1)
    job = submit_as(world.editor)
    with pytest.raises(Refused):
        submit_as(world.editor)
    text = client.get("/metrics").text
    assert 'atrium_usage_reserved{metric="jobs"} 1.0' in text
    finished(job)
    again = Measured(job.pk, world.editor.pk, job.project_id, "tiny", tokens=1000, device_ms=1e6)
    settle([again, again])
    after = [counted(name, **labels) for name, labels in (*names, settled)]
    assert [new - old for new, old in zip(after, before, strict=True)] == [1.0, 1.0, 1.5]
    text = client.get("/metrics").text
    assert 'atrium_usage_today{metric="device_seconds",model="tiny"} 1.5' in text
    assert 'atrium_usage_reserved{metric="jobs"} 0.0' in text
    ours = [line for line in text.splitlines() if line.startswith(("atrium_quota", "atrium_usage"))]
    for personal in (world.editor.pk, world.editor.email, world.project.pk, world.project.name):
        assert not any(personal in line for line in ours)


def test_the_check_says_what_does_not_balance(
    world: World, submit_as: SubmitAs, capsys: pytest.CaptureFixture[str]
) -> None:
    finished(submit_as(world.editor))
    submit_as(world.owner)
    call_command("quotas", "check")
    assert "The ledger balances: 3 entries." in capsys.readouterr().out
    for column in ("tokens", "jobs", "open_jobs", "reserved_images", "reserved_device_ms"):
        was = UsageTotal.objects.get(subject="user", subject_id=world.editor.pk)
        UsageTotal.objects.filter(pk=was.pk).update(**{column: getattr(was, column) + 5})
        with pytest.raises(CommandError, match="1 total is not what the entries come to") as raised:
            call_command("quotas", "check")
        assert raised.value.returncode == 1
        assert f"tiny  user {world.editor.pk}" in capsys.readouterr().out
        UsageTotal.objects.filter(pk=was.pk).update(**{column: getattr(was, column)})
