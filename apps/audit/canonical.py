"""The canonical text of an event: what is hashed, byte for byte, in the database and in a file.

PostgreSQL writes it (`row_to_json` over these columns in this order) and an export carries it along unchanged, so
nobody ever writes it a second time in another way. Changing this expression would change every hash: a new fact about
events belongs in `details`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from django.db import connection

EVENTS = """
SELECT id, at AT TIME ZONE 'UTC' AS at, action, outcome, actor_id, actor_ref, target_type, target_id, target_ref,
       project_id, request_id, ip_ref, details
FROM audit_auditevent
"""
TEXT = "row_to_json(event)::text"
LINKS = f"""
SELECT seal.position, seal.event_id, seal.hash, {TEXT}
FROM audit_seal AS seal LEFT JOIN ({EVENTS}) AS event ON event.id = seal.event_id
WHERE seal.position > %s AND seal.position <= %s ORDER BY seal.position
"""  # noqa: S608
UNSEALED = f"""
SELECT event.id, {TEXT} FROM ({EVENTS}) AS event WHERE event.id = ANY(%s) ORDER BY event.id
"""  # noqa: S608
AT_ONCE = 5_000
"""Links read in one statement."""
HEAD = b"PGCOPY\n\xff\r\n\0"
HEAD_BYTES = 19
END = b"\xff\xff"
FIXED = struct.Struct(">hiqiqi")  # number of fields; length and position; length and event id; length of the hash


class Link(NamedTuple):
    """One place of the chain. `text` is None where the event is gone."""

    position: int
    event_id: int
    hash: bytes
    text: bytes | None


def links(after: int, up_to: int) -> Iterator[Link]:
    """The chain from `after` (not included) to `up_to`, in order, in constant memory.

    In COPY's binary form, which needs no unescaping: two thirds of the time goes to PostgreSQL making the texts.
    """
    unpack, fixed = FIXED.unpack_from, FIXED.size
    for begin in range(after, up_to, AT_ONCE):
        # As a list: while COPY runs, its connection answers nothing else.
        for row in list(_copied(LINKS, [begin, min(begin + AT_ONCE, up_to)])):
            _, _, position, _, event_id, length = unpack(row)
            text = fixed + length + 4
            is_null = row[text - 4 : text] == b"\xff\xff\xff\xff"
            yield Link(position, event_id, row[fixed : fixed + length], None if is_null else row[text:])


def texts(event_ids: Sequence[int]) -> list[tuple[int, bytes]]:
    """Id and canonical text of those of these events that exist, by id."""
    with connection.cursor() as cursor:
        cursor.execute(UNSEALED, [list(event_ids)])
        return [(event_id, text.encode()) for event_id, text in cursor.fetchall()]


def _copied(query: str, parameters: Sequence[Any]) -> Iterator[bytes]:
    """The rows of a query as COPY sends them, without header and trailer."""
    with (
        connection.cursor() as cursor,
        cursor.copy(f"COPY ({query}) TO STDOUT (FORMAT BINARY)", parameters) as copy,
    ):
        for block in copy:
            row = bytes(block)
            if row.startswith(HEAD):
                row = row[HEAD_BYTES:]
            if row and row != END:
                yield row
