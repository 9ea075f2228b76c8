"""An export of chats of Open WebUI: a list of rows, or one of them, whose `chat` has the messages as a tree by id."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.conversations.importing.parts import Node, in_order, key_of, mapping, name_of, objects, text_of, time_of

FORM = "Open WebUI"
SIDES = ("user", "assistant")


def is_one(entry: Mapping[str, Any]) -> bool:
    return isinstance(mapping(_chat(entry).get("history")).get("messages"), dict)


def read(entry: Mapping[str, Any]) -> tuple[list[Node], dict[str, Any]]:
    """The messages, and what Found knows besides."""
    chat = _chat(entry)
    history = chat["history"]
    models = chat.get("models")
    facts = {
        "origin": key_of(entry.get("id")) or key_of(chat.get("id")) or "",
        "current": key_of(history.get("currentId")),
        "model": name_of(models[0]) if isinstance(models, list) and models else "",
        "system_prompt": text_of(mapping(chat.get("params")).get("system")) or text_of(chat.get("system")),
        "at": time_of(entry.get("updated_at")) or time_of(entry.get("created_at")) or time_of(chat.get("timestamp")),
    }
    told = {key: mapping(message) for key, message in history["messages"].items()}
    order = (message.get("childrenIds") for message in told.values())
    return in_order((_node(*each) for each in told.items()), order), facts


def _chat(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    return mapping(entry.get("chat")) or entry


def _node(key: str, message: Mapping[str, Any]) -> Node:
    role = message.get("role")
    made = Node(key, key_of(message.get("parentId")), shown=role in SIDES, at=time_of(message.get("timestamp")))
    if made.shown:
        made.role, made.text = str(role), _text(message)
        label = name_of(message.get("modelName")) or name_of(message.get("model"))
        made.label = label if role == "assistant" else ""
    return made


def _text(message: Mapping[str, Any]) -> str:
    """Of files only their names."""
    content = message.get("content")
    parts = [part.get("text") for part in objects(content)] if isinstance(content, list) else [content]
    files = [f"[{name_of(file.get('name')) or 'Picture'}]" for file in objects(message.get("files"))]
    return "\n\n".join(filter(None, [*files, *(text_of(part) for part in parts)]))
