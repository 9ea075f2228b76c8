"""The sequencer: gives every committed event its place in the chain, and signs the chain now and then."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import cast

from django.conf import settings
from django.db import connection, transaction

from apps.audit import models
from apps.audit.canonical import texts
from apps.audit.chain import GENESIS, link
from apps.audit.checkpoints import SPAN, Checkpoint
from apps.audit.keys import signing_key
from apps.audit.witness import keep_witness

LOCK = 0x41545249_43  # of our own choice: "ATRIC"
BATCH = 8 * SPAN
CHECKPOINT_EVERY = timedelta(seconds=10)
TAKE = """
DELETE FROM audit_unsealed WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM audit_unsealed AS waiting
    WHERE (SELECT id FROM audit_auditevent WHERE id = waiting.event_id) IS NOT NULL
    ORDER BY event_id LIMIT %s
)) RETURNING event_id
"""
# Not as joins: nearly always nothing waits, so statistics say that there is one row at most, and PostgreSQL would look
# through all of them for each of them when thousands come at once. Only the holder of LOCK touches these rows.
# One that waits for an event which is not there stays, and tells the verifier that somebody took it away.


def seal_new_events() -> int:
    """The chore: seal what is committed; sign what is old enough or much. How many were sealed.

    Raises BadKey or OSError where the key can't be read; then nothing is sealed, and nothing lost.
    """
    return _seal(sign_all=False)


def seal_and_sign() -> int:
    """Seal what is committed and sign all of it, now: before an export, or before a key goes."""
    return _seal(sign_all=True)


def _seal(*, sign_all: bool) -> int:
    sealed = 0
    while True:
        number = _seal_batch(sign_all=sign_all)
        sealed += number
        if number < BATCH:
            return sealed


@transaction.atomic
def _seal_batch(*, sign_all: bool) -> int:
    """Seals and signs in one transaction: what nobody has signed is always shorter than the span of a checkpoint."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        cursor.execute(TAKE, [BATCH])
        waiting = [event_id for (event_id,) in cursor.fetchall()]
    if waiting:
        _append(texts(waiting))
    _sign_due(sign_all=sign_all)
    return len(waiting)


def _append(events: list[tuple[int, bytes]]) -> None:
    head = models.Seal.objects.order_by("-position").values_list("position", "hash").first()
    position, previous = (head[0], bytes(head[1])) if head else (0, GENESIS)
    with (
        connection.cursor() as cursor,
        cursor.copy("COPY audit_seal (position, event_id, hash) FROM STDIN") as copy,
    ):
        for event_id, text in events:
            position, previous = position + 1, link(previous, text)
            copy.write_row((position, event_id, previous))


def _sign_due(*, sign_all: bool) -> None:
    """Whole spans at once; what is left when it has waited for CHECKPOINT_EVERY."""
    last = models.Checkpoint.objects.order_by("-position").values_list("position", "at").first()
    start = last[0] if last else 0
    unsigned = models.Seal.objects.filter(position__gt=start).order_by("position").values_list("hash", flat=True)
    hashes = [bytes(found) for found in unsigned]
    now = _now()
    # A clock that was set back must not keep it from signing.
    is_due = sign_all or last is None or not timedelta(0) <= now - last[1] < CHECKPOINT_EVERY
    for begin in range(0, len(hashes) if is_due else len(hashes) // SPAN * SPAN, SPAN):
        _sign(start + begin, hashes[begin : begin + SPAN], now)


def _sign(start: int, hashes: list[bytes], now: datetime) -> None:
    folder: Path = settings.AUDIT_KEYS
    signed = Checkpoint.signed(signing_key(folder), start=start, hashes=hashes, at=now)
    models.Checkpoint.objects.create(
        position=signed.position,
        start=signed.start,
        hash=signed.hash,
        at=signed.at,
        key_id=signed.key_id,
        trail=signed.trail,
        signature=signed.signature,
    )
    transaction.on_commit(partial(keep_witness, folder, signed))


def _now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT now()")
        return cast("datetime", cursor.fetchone()[0])
