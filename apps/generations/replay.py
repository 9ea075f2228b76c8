"""Reading the event log of an attempt from a position, without ever leaving something out silently."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

import redis.asyncio
from redis import Redis

from apps.generations.log import Entry, keys_of
from apps.generations.said import Said

JSON = dict[str, Any]
PAGE = 50
"""Events read at once: a follower that reads slowly holds no more in memory."""


class Replay(NamedTuple):
    """What comes after a position, in order and without a gap; `more` where that isn't all."""

    entries: list[Entry]
    more: bool


async def read_after(client: redis.asyncio.Redis, job: str, attempt: int, seq: int) -> Replay:
    """The next page of events after `seq`, a snapshot first where the log doesn't reach back that far.

    Nothing where Redis has lost the log: its writer notices at the next append and goes on from a snapshot.
    """
    _, stream, snapshot_key = keys_of(job, attempt)
    entries = _entries(await client.xrange(stream, min=f"({seq}-0", count=PAGE))
    if _reaches(entries, seq):
        return Replay(entries, more=len(entries) == PAGE)
    taken = _snapshot(await client.hgetall(snapshot_key))  # type: ignore[misc]  # redis-py types it for both kinds
    if taken is None or taken.seq <= seq:
        return Replay([], more=False)
    rest = _entries(await client.xrange(stream, min=f"({taken.seq}-0", count=PAGE))
    if rest and not _reaches(rest, taken.seq):  # trimmed between the two reads
        return Replay([], more=True)
    return Replay([taken, *rest], more=len(rest) == PAGE)


def said_in_log(client: Redis, job: str, attempt: int) -> Said:
    """What an attempt has said as far as Redis has it: what can be kept of a worker that was lost."""
    _, stream, snapshot_key = keys_of(job, attempt)
    taken = _snapshot(client.hgetall(snapshot_key))
    said, seq = (Said().after(taken.event), taken.seq) if taken else (Said(), 0)
    for entry in _entries(client.xrange(stream, min=f"({seq}-0")):
        said = said.after(entry.event)
    return said


def _reaches(entries: list[Entry], seq: int) -> bool:
    """Whether these are, without a gap, what follows `seq`."""
    return bool(entries) and entries[0].seq == seq + 1


def _entries(raw: Any) -> list[Entry]:
    return [Entry(int(identifier.partition("-")[0]), json.loads(fields["e"])) for identifier, fields in raw]


def _snapshot(raw: Any) -> Entry | None:
    if not raw:
        return None
    return Entry(int(raw["seq"]), json.loads(raw["e"]))
