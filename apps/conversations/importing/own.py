"""What this site exports of a conversation: one branch, told in docs/conversations.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from apps.conversations.importing.parts import JSON, Node, key_of, mapping, name_of, objects, text_of, time_of
from apps.conversations.models import Message

FORM = "Atrium"
MAX_CALLS = 64


def is_one(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("messages"), list) and "system_prompt" in entry and "exported_at" in entry


def read(entry: Mapping[str, Any]) -> tuple[list[Node], dict[str, Any]]:
    """The messages, and what Found knows besides. Thoughts aren't read: whether people may see them is said by the
    model that had them."""
    nodes = [_node(number, message) for number, message in enumerate(objects(entry["messages"]))]
    facts = {
        "origin": key_of(entry.get("id")) or "",
        "last": nodes[-1].key if nodes else "",
        "current": nodes[-1].key if nodes else None,
        "model": name_of(entry.get("model")),
        "system_prompt": text_of(entry.get("system_prompt")),
        "params": dict(mapping(entry.get("params"))),
        "at": nodes[-1].at if nodes else time_of(entry.get("exported_at")),
    }
    return nodes, facts


def _node(number: int, message: Mapping[str, Any]) -> Node:
    role = message.get("role")
    made = Node(key_of(message.get("id")) or f"#{number}", key_of(message.get("parent")))
    made.shown, made.at = role in Message.Author.values, time_of(message.get("written_at"))
    made.stays = role == Message.Author.ASSISTANT
    if made.shown:
        names = [f"[{name_of(picture.get('name')) or 'Picture'}]" for picture in objects(message.get("pictures"))]
        made.role, made.text = str(role), "\n\n".join(filter(None, [*names, text_of(message.get("text"))]))
        made.label = name_of(message.get("model" if role == Message.Author.ASSISTANT else "person"))
        made.tool_calls = [_call(call) for call in objects(message.get("tool_calls"))[:MAX_CALLS]]
        made.tool_name = name_of(message.get("tool_name"), 128) if role == Message.Author.TOOL else ""
    return made


def _call(call: Mapping[str, Any]) -> JSON:
    """Whether it can be read is found anew: models are shown it then."""
    name, given = name_of(call.get("name"), 128), text_of(call.get("arguments"))
    return {"name": name, "arguments": given, "valid": bool(name) and _is_object(given)}


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False
