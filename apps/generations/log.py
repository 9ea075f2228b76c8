"""The event log of a job's attempt in Redis: what followers replay and follow. PostgreSQL stays the truth.

One hash holds the newest attempt and the number of its last event, one stream for each attempt the events under
explicit ids `<seq>-0`, and one hash now and then all that was said so far with the number it stands at (a snapshot). So
an attempt that was overtaken can't write, a repeated append changes nothing, and a log that Redis lost is noticed at
the next append and goes on from a snapshot.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from redis import Redis
from redis.client import NEVER_DECODE
from redis.exceptions import NoScriptError

JSON = dict[str, Any]
Call = tuple[str, Sequence[str], list[Any]]

LIVE_SECONDS = 6 * 3600
FINISHED_SECONDS = 3600
MAX_EVENTS = 1024
"""Kept of one attempt; older ones are in its snapshot."""
SNAPSHOT_EVERY = 256

# KEYS: head, stream, snapshot. ARGV: channel, attempt, first seq, seconds to keep, most events, nudge, events…
# Answers the last seq, or "stale" (a newer attempt writes), or "hole" (Redis has lost what came before).
APPEND = """
local held = tonumber(redis.call('HGET', KEYS[1], 'attempt') or '0')
local attempt, first = tonumber(ARGV[2]), tonumber(ARGV[3])
if held > attempt then return 'stale' end
local last = 0
if held == attempt then last = tonumber(redis.call('HGET', KEYS[1], 'seq') or '0') end
if last < first - 1 then return 'hole' end
for index = 7, #ARGV do
  local seq = first + index - 7
  if seq > last then
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], seq .. '-0', 'e', ARGV[index])
    last = seq
  end
end
redis.call('HSET', KEYS[1], 'attempt', attempt, 'seq', last)
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[4]) end
redis.call('PUBLISH', ARGV[1], ARGV[6])
return tostring(last)
"""
# KEYS: head, stream, snapshot. ARGV: attempt, seq, event, seconds to keep, "repair" or "". As above.
SNAPSHOT = """
local held = tonumber(redis.call('HGET', KEYS[1], 'attempt') or '0')
local attempt = tonumber(ARGV[1])
if held > attempt then return 'stale' end
redis.call('HSET', KEYS[3], 'seq', ARGV[2], 'e', ARGV[3])
if ARGV[5] == 'repair' then
  redis.call('DEL', KEYS[2])
  redis.call('HSET', KEYS[1], 'attempt', attempt, 'seq', ARGV[2])
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, ARGV[4]) end
return ARGV[2]
"""


# KEYS: preview. ARGV: version, picture, seconds to keep. An older one never takes the place of a newer one.
PREVIEW = """
if tonumber(redis.call('HGET', KEYS[1], 'version') or '0') < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[1], 'version', ARGV[1], 'webp', ARGV[2])
end
redis.call('EXPIRE', KEYS[1], ARGV[3])
return ARGV[1]
"""
PREVIEW_SECONDS = 3600


class Answer(StrEnum):
    WRITTEN = "written"
    STALE = "stale"
    HOLE = "hole"


class Entry(NamedTuple):
    seq: int
    event: JSON


class Append(NamedTuple):
    """Events of one attempt, numbered on from `first`."""

    job: str
    attempt: int
    first: int
    events: Sequence[JSON]
    final: bool = False


class Snapshot(NamedTuple):
    """`event` says all that the events up to `seq` have said."""

    job: str
    attempt: int
    seq: int
    event: JSON


class Preview(NamedTuple):
    """The newest look of a picture that is being made; `version` grows, over attempts too."""

    job: str
    version: int
    webp: bytes


def channel_of(job: str) -> str:
    return f"generation:{{{job}}}:nudge"


def preview_key(job: str) -> str:
    return f"generation:{{{job}}}:preview"


def keys_of(job: str, attempt: int) -> tuple[str, str, str]:
    base = f"generation:{{{job}}}"  # braces: one slot of a Redis cluster
    return f"{base}:head", f"{base}:{attempt}", f"{base}:{attempt}:text"


class LogWriter:
    """Writes of one process; several appends go to Redis in one round trip. All of them may be repeated."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._append = _sha(APPEND)
        self._snapshot = _sha(SNAPSHOT)
        self._preview = _sha(PREVIEW)

    def append(self, batches: Sequence[Append], previews: Sequence[Preview] = ()) -> list[Answer]:
        """One answer for each batch. The previews are there before the events that speak of them. Raises what
        `apps.lib.redis.AWAY` names; then any of them may be written."""
        calls: list[Call] = [
            (self._preview, [preview_key(each.job)], [each.version, each.webp, PREVIEW_SECONDS]) for each in previews
        ]
        calls += [(self._append, keys_of(batch.job, batch.attempt), _append_arguments(batch)) for batch in batches]
        return self._run(calls)[len(previews) :]

    def snapshot(self, taken: Snapshot, *, repair: bool) -> Answer:
        """Keep the whole text beside the log; with `repair` the log goes on from here."""
        event = _as_json(taken.event)
        arguments = [taken.attempt, taken.seq, event, LIVE_SECONDS, "repair" if repair else ""]
        return self._run([(self._snapshot, keys_of(taken.job, taken.attempt), arguments)])[0]

    def _run(self, calls: Sequence[Call]) -> list[Answer]:
        results = self._pipelined(calls)
        if any(isinstance(result, NoScriptError) for result in results):  # the first time, and after a restart of Redis
            for script in (APPEND, SNAPSHOT, PREVIEW):
                self._client.script_load(script)
            results = self._pipelined(calls)
        for result in results:
            if isinstance(result, Exception):
                raise result
        return [_answer(result) for result in results]

    def _pipelined(self, calls: Sequence[Call]) -> list[Any]:
        pipeline = self._client.pipeline(transaction=False)
        for sha, keys, arguments in calls:
            pipeline.evalsha(sha, len(keys), *keys, *arguments)
        return pipeline.execute(raise_on_error=False)


def _append_arguments(batch: Append) -> list[Any]:
    events = [_as_json(event) for event in batch.events]
    # The nudge is put together as text, so that every event is made into JSON once.
    nudge = f'{{"attempt":{batch.attempt},"first":{batch.first},"events":[{",".join(events)}]}}'
    keep = FINISHED_SECONDS if batch.final else LIVE_SECONDS
    return [channel_of(batch.job), batch.attempt, batch.first, keep, MAX_EVENTS, nudge, *events]


def _as_json(event: JSON) -> str:
    return json.dumps(event, separators=(",", ":"), ensure_ascii=False)


def _sha(script: str) -> str:
    return hashlib.sha1(script.encode(), usedforsecurity=False).hexdigest()


def _answer(raw: Any) -> Answer:
    return Answer(raw) if raw in ("stale", "hole") else Answer.WRITTEN


def nudge_to_look(client: Redis, job: str) -> None:
    """Tell the followers that the row of the job has changed."""
    client.publish(channel_of(job), "{}")


def erase(client: Redis, job: str, attempts: int) -> None:
    """Delete all that Redis knows of a job with so many attempts."""
    client.delete(preview_key(job), *{key for attempt in range(attempts + 1) for key in keys_of(job, attempt)})


def newest_preview(client: Redis, job: str) -> bytes | None:
    """The WebP of how a picture looks by now; None where Redis has none."""
    arguments = ("HGET", preview_key(job), "webp")
    found = client.execute_command(*arguments, **{NEVER_DECODE: True})  # type: ignore[no-untyped-call]
    return found if isinstance(found, bytes) else None
