"""`conversations.json` of an export of ChatGPT: a list of conversations, each with its messages as a tree by id.

Of a message counts what its reader saw: texts of the two sides. Left out are hidden ones, what was said to tools and by
them, and thoughts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apps.conversations.importing.parts import Node, in_order, key_of, mapping, name_of, objects, text_of, time_of

FORM = "ChatGPT"
READ = ("text", "multimodal_text")
SIDES = ("user", "assistant")
KINDS = {"image_asset_pointer": "Picture", "audio_asset_pointer": "Sound", "video_container_asset_pointer": "Film"}


def is_one(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("mapping"), dict)


def read(entry: Mapping[str, Any]) -> tuple[list[Node], dict[str, Any]]:
    """The messages, and what Found knows besides."""
    told = {key: mapping(node) for key, node in entry["mapping"].items()}
    nodes = in_order((_node(*each) for each in told.items()), (node.get("children") for node in told.values()))
    facts = {
        "origin": key_of(entry.get("conversation_id")) or key_of(entry.get("id")) or "",
        "current": key_of(entry.get("current_node")),
        "model": name_of(entry.get("default_model_slug")) or next((each.label for each in nodes if each.label), ""),
        "at": time_of(entry.get("update_time")) or time_of(entry.get("create_time")),
    }
    return nodes, facts


def _node(key: str, node: Mapping[str, Any]) -> Node:
    message = mapping(node.get("message"))
    role = mapping(message.get("author")).get("role")
    content, about = mapping(message.get("content")), mapping(message.get("metadata"))
    shown = (
        role in SIDES
        and content.get("content_type") in READ
        and about.get("is_visually_hidden_from_conversation") is not True
        and message.get("recipient") in (None, "all")
    )
    made = Node(key, key_of(node.get("parent")), shown=shown, at=time_of(message.get("create_time")))
    if shown:
        made.role, made.text = str(role), _text(content.get("parts"))
        made.label = name_of(about.get("model_slug")) if role == "assistant" else ""
    return made


def _text(parts: object) -> str:
    """Of pictures and the like only that they were there: a file of texts has none."""
    said = [text_of(part) for part in parts if isinstance(part, str)] if isinstance(parts, list) else []
    seen = [f"[{kind}]" for part in objects(parts) if (kind := KINDS.get(str(part.get("content_type"))))]
    return "\n\n".join(filter(None, [*seen, *said]))
