"""A log with events, and a superuser who changes it with all triggers off."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.db import connection

from apps.audit import models
from apps.audit.canonical import texts
from apps.audit.chain import GENESIS, link
from apps.audit.export import last_checkpoint
from apps.audit.keys import public_keys
from apps.audit.models import AuditEvent
from apps.audit.record import Target, record
from apps.audit.sealing import seal_and_sign
from apps.audit.verify_database import Report, verify_database
from apps.audit.witness import keep_witness, read_witness

TABLES = ("audit_auditevent", "audit_seal", "audit_checkpoint", "audit_label")


def write_events(number: int, *, per_checkpoint: int = 10) -> list[int]:
    """Ids of new events, in the order of the chain, sealed and signed in portions; texts that need care among them."""
    ids = []
    for count in range(number):
        details = {"count": count, "note": 'ä "quoted" \\ back\n\u2028 \u20ac', "share": 1.10, "list": [1, None, True]}
        ids.append(record("audit.viewed", target=Target("page", f"p{count}", f"Page {count % 3}"), **details).pk)
        if (count + 1) % per_checkpoint == 0:
            seal_and_sign()
    seal_and_sign()
    keep_witness(settings.AUDIT_KEYS, last_checkpoint())  # on commit, which a test doesn't come to
    return ids


@contextmanager
def superuser():
    """A cursor past every trigger."""
    with connection.cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
        yield cursor
        for table in TABLES:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER ALL")


def chain_again() -> None:
    """What a forger does who knows how the chain is made: every hash anew, positions without a gap."""
    ids = list(models.Seal.objects.order_by("position").values_list("event_id", flat=True))
    found = dict(texts(ids))
    with superuser() as cursor:
        cursor.execute("DELETE FROM audit_seal")
        previous = GENESIS
        for position, event_id in enumerate((i for i in ids if i in found), start=1):
            previous = link(previous, found[event_id])
            cursor.execute("INSERT INTO audit_seal VALUES (%s, %s, %s)", [position, previous, event_id])


def verify(keys: Path) -> Report:
    return verify_database(public_keys(keys), read_witness(keys))


def newest() -> AuditEvent:
    return AuditEvent.objects.order_by("-id")[0]
