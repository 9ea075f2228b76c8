"""Who looks at a conversation, and who is typing there.

One Redis hash per conversation, one field per open socket. A socket renews its field; one that crashed with its
process expires. Times are Redis's own, so web machines need not agree on a clock. Several tabs are one person.
"""

from __future__ import annotations

import json
from typing import Any, TypedDict

from apps.lib.redis import async_client

ALIVE_SECONDS = 25
"""A field that was not renewed for this long is no longer here: two missed renewals and a bit."""
TYPING_SECONDS = 8

_TOUCH = """
local now = tonumber(redis.call('TIME')[1])
local entry = {person = cjson.decode(ARGV[2]), until_ = now + ARGV[3], typing_until = now + ARGV[4]}
redis.call('HSET', KEYS[1], ARGV[1], cjson.encode(entry))
redis.call('EXPIRE', KEYS[1], ARGV[3] * 2)
"""
_LEAVE = "redis.call('HDEL', KEYS[1], ARGV[1])"
_PRESENT = """
local now = tonumber(redis.call('TIME')[1])
local found = {}
local entries = redis.call('HGETALL', KEYS[1])
for i = 1, #entries, 2 do
  local entry = cjson.decode(entries[i + 1])
  if entry.until_ > now then
    entry.person.typing = entry.typing_until > now
    found[#found + 1] = cjson.encode(entry.person)
  else
    redis.call('HDEL', KEYS[1], entries[i])
  end
end
return found
"""


class Present(TypedDict):
    id: str
    name: str
    initials: str
    typing: bool


async def _run(script: str, conversation_id: str, *arguments: str | int) -> Any:
    answer: Any = async_client().eval(script, 1, f"presence:{conversation_id}", *map(str, arguments))
    return await answer


async def touch(conversation_id: str, socket_id: str, person: dict[str, Any], *, typing: bool) -> None:
    """Here, for the next ALIVE_SECONDS. Raises RedisError, like all functions of this module."""
    arguments = (socket_id, json.dumps(person), ALIVE_SECONDS, TYPING_SECONDS if typing else 0)
    await _run(_TOUCH, conversation_id, *arguments)


async def leave(conversation_id: str, socket_id: str) -> None:
    await _run(_LEAVE, conversation_id, socket_id)


async def present(conversation_id: str) -> list[Present]:
    """Everybody here once, by name; typing where any of their tabs is."""
    people: dict[str, Present] = {}
    for raw in await _run(_PRESENT, conversation_id):
        entry: Present = json.loads(raw)
        known = people.setdefault(entry["id"], entry)
        known["typing"] = known["typing"] or entry["typing"]
    return sorted(people.values(), key=lambda person: (person["name"], person["id"]))
