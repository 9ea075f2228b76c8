"""What the model reads: the messages along one path, as the chat format wants them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from apps.conversations.models import Message


def chat_messages(system_prompt: str, path: Iterable[Message]) -> list[dict[str, Any]]:
    """The system prompt, then prompts and answers in turn, with the ids of their `pictures` where there are any. An
    answer that never began is left out, a partial one stays; prompts that come to stand side by side so become one,
    since most chat formats insist on turns."""
    chat: list[dict[str, Any]] = [{"role": "system", "content": system_prompt}] if system_prompt else []
    for message in path:
        if not message.says_something:
            continue
        said: dict[str, Any] = {"role": str(message.role), "content": message.content}
        if message.pictures:
            said["pictures"] = [picture["id"] for picture in message.pictures]
        if chat and chat[-1]["role"] == message.role:
            chat[-1] = _as_one(chat[-1], said)
        else:
            chat.append(said)
    return chat


def _as_one(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    texts = [each["content"] for each in (first, second) if each["content"]]
    pictures = [*first.get("pictures", ()), *second.get("pictures", ())]
    return first | {"content": "\n\n".join(texts)} | ({"pictures": pictures} if pictures else {})
