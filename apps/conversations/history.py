"""What the model reads: the messages along one path, as the chat format wants them."""

from __future__ import annotations

from collections.abc import Iterable

from apps.conversations.models import Message


def chat_messages(system_prompt: str, path: Iterable[Message]) -> list[dict[str, str]]:
    """The system prompt, then prompts and answers in turn. An answer that never began is left out, a partial one stays;
    prompts that come to stand side by side so become one, since most chat formats insist on turns."""
    chat = [{"role": "system", "content": system_prompt}] if system_prompt else []
    for message in path:
        content = message.content
        if not content:
            continue
        if chat and chat[-1]["role"] == message.role:
            chat[-1]["content"] += f"\n\n{content}"
        else:
            chat.append({"role": str(message.role), "content": content})
    return chat
