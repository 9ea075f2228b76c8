"""The log as a download: verifiable, harmless in a spreadsheet, and recorded."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from apps.audit.keys import public_keys
from apps.audit.models import AuditEvent
from apps.audit.record import Target, record
from apps.audit.verify_file import verify_file
from tests.audit.copies import write_events
from tests.world import World


@pytest.fixture
def admin(world: World) -> Client:
    client = Client()
    client.force_login(world.admin)
    return client


def body(response) -> bytes:
    async def collect() -> bytes:
        return b"".join([piece async for piece in response.streaming_content])

    return async_to_sync(collect)()


def test_a_complete_file_verifies_with_the_public_key(admin: Client, keys: Path) -> None:
    write_events(25)
    report = verify_file(io.BytesIO(body(admin.get("/console/audit/export.jsonl"))), public_keys(keys))
    assert (report.first, report.is_complete, report.events) == (None, True, 25)


def test_a_changed_file_is_named(admin: Client, keys: Path) -> None:
    write_events(25)
    changed = body(admin.get("/console/audit/export.jsonl")).replace(b'"count": 7', b'"count": 8')
    report = verify_file(io.BytesIO(changed), public_keys(keys))
    assert report.first is not None


def test_a_selection_verifies_and_is_recorded(admin: Client, keys: Path, world: World) -> None:
    write_events(25)
    report = verify_file(io.BytesIO(body(admin.get("/console/audit/export.jsonl?target=p7"))), public_keys(keys))
    assert (report.first, report.is_complete, report.events) == (None, False, 1)
    event = AuditEvent.objects.get(action="audit.exported")
    assert (event.actor_id, event.details) == (world.admin.pk, {"form": "jsonl", "filters": {"target": "(typed)"}})


def test_a_formula_is_made_harmless(admin: Client) -> None:
    record("audit.viewed", target=Target("page", "p1", "=1+1"))
    rows = list(csv.DictReader(io.StringIO(body(admin.get("/console/audit/export.csv?action=audit.viewed")).decode())))
    assert [row["To what"] for row in rows] == ["'=1+1"]
