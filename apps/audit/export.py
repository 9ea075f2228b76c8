"""The log as a file, made and sent in pieces: its size does not show in memory, and no connection is held meanwhile."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from apps.audit import models
from apps.audit.canonical import texts
from apps.audit.chain import GENESIS
from apps.audit.checkpoints import Checkpoint
from apps.audit.models import AuditEvent, Label
from apps.audit.verify_database import from_row
from apps.audit.verify_file import FORMAT

AT_ONCE = 200
"""Events of a selection in one piece: each may bring a checkpoint, of some 10,000 bytes."""
# The first checkpoint at or behind each of these places, once.
ABOVE = """
SELECT DISTINCT ON (found.position) found.* FROM unnest(%s::bigint[]) AS place (position) CROSS JOIN LATERAL (
    SELECT * FROM audit_checkpoint WHERE position >= place.position ORDER BY position LIMIT 1
) AS found ORDER BY found.position
"""
Piece = Callable[[int], tuple[bytes, int | None]]
"""Given where the last piece ended, the next one and where it ends; None where nothing follows."""


def pieces(first: bytes, piece: Piece) -> Iterator[bytes]:
    """All of it, for a thread that may wait."""
    yield first
    at: int | None = 0
    while at is not None:
        text, at = piece(at)
        yield text


def last_checkpoint() -> Checkpoint | None:
    row = models.Checkpoint.objects.order_by("-position").first()
    return from_row(row) if row else None


def jsonl_head(last: Checkpoint | None, *, is_complete: bool) -> bytes:
    """What the file is: a complete one reaches the checkpoint that it names here, or was cut off."""
    head = {"format": FORMAT, "site": settings.SITE_URL, "complete": is_complete}
    return _line(head | ({"checkpoint": last.as_json(with_trail=False)} if last else {}))


def complete_piece(up_to: int) -> Piece:
    """The chain itself, up to a checkpoint, every checkpoint after the events that it signs."""

    def piece(after: int) -> tuple[bytes, int | None]:
        signed = models.Checkpoint.objects.filter(position__gt=after, position__lte=up_to).order_by("position").first()
        if signed is None:
            return b"", None
        seals = list(models.Seal.objects.filter(position__gt=after, position__lte=signed.position).order_by("position"))
        lines = [_event_line(*link) for link in _with_texts(seals)]
        return b"".join([*lines, _line({"checkpoint": from_row(signed).as_json()})]), signed.position

    return piece


def selected_piece(events: QuerySet[AuditEvent], up_to: int) -> Piece:
    """Some events by id, each with the hash before it, under the checkpoint that signs it."""

    def piece(after: int) -> tuple[bytes, int | None]:
        found = list(events.filter(id__gt=after, seal__position__lte=up_to).order_by("id")[:AT_ONCE])
        seals = list(models.Seal.objects.filter(event_id__in=[event.pk for event in found]).order_by("position"))
        before = {seal.position + 1: bytes(seal.hash).hex() for seal in _those_before(seals)} | {1: GENESIS.hex()}
        lines: list[bytes] = []
        checkpoints = iter(models.Checkpoint.objects.raw(ABOVE, [[seal.position for seal in seals]]))
        above: models.Checkpoint | None = None
        for seal, text, labels in _with_texts(seals):
            while above is None or seal.position > above.position:
                above = next(checkpoints)
                lines.append(_line({"checkpoint": from_row(above).as_json()}))
            lines.append(_event_line(seal, text, labels, {"after": before.get(seal.position, "")}))
        return b"".join(lines), _next(found)

    return piece


def _those_before(seals: list[models.Seal]) -> QuerySet[models.Seal]:
    return models.Seal.objects.filter(position__in=[seal.position - 1 for seal in seals])


def _with_texts(seals: list[models.Seal]) -> Iterator[tuple[models.Seal, bytes, dict[str, Any]]]:
    """Each with its event's canonical text and labels; one whose event is gone is left out, and is missed later."""
    found = dict(texts([seal.event_id for seal in seals]))
    events = {event_id: json.loads(text) for event_id, text in found.items()}
    named = {ref for event in events.values() for ref in _refs(event)}
    labels = {
        str(label.ref): {"of": label.subject_id, "text": label.text, "salt": bytes(label.salt).hex()}
        for label in Label.objects.filter(ref__in=named)
    }
    for seal in seals:
        if seal.event_id in found:
            own = {ref: labels[ref] for ref in _refs(events[seal.event_id]) if ref in labels}
            yield seal, found[seal.event_id], own


def _refs(event: dict[str, Any]) -> list[str]:
    return [event[field] for field in ("actor_ref", "target_ref", "ip_ref") if event[field]]


def _event_line(seal: models.Seal, text: bytes, labels: dict[str, Any], more: dict[str, str] | None = None) -> bytes:
    """The canonical text goes in as it is: it is what was hashed."""
    place = {"position": seal.position, "hash": bytes(seal.hash).hex(), **(more or {}), "labels": labels}
    return _line(place)[:-2] + b',"event":' + text + b"}\n"


def _line(value: dict[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _next(found: list[AuditEvent]) -> int | None:
    return found[-1].pk if len(found) == AT_ONCE else None
