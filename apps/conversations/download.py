"""One branch of a conversation as a file, made while it is sent and stored nowhere."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from apps.conversations.export import message_facts
from apps.conversations.models import Conversation, Message
from apps.conversations.tree import messages_of

JSON = dict[str, Any]
AT_ONCE = 50
UNFINISHED = {"queued": "not begun", "running": "still being written", "cancelled": "stopped", "failed": "failed"}


def as_markdown(conversation: Conversation, path: Sequence[str]) -> Iterator[str]:
    """What the reader sees: who said what, with thoughts folded."""
    yield f"# {conversation}\n\n{conversation.project.name}, {timezone.now():%Y-%m-%d %H:%M} UTC\n"
    if conversation.system_prompt:
        yield f"\n## System prompt\n\n{conversation.system_prompt}\n"
    for message in _messages(path):
        yield _section(message)


def as_json(conversation: Conversation, path: Sequence[str]) -> Iterator[str]:
    """Its shape is told in docs/conversations.md."""
    head = {
        "id": conversation.pk,
        "title": str(conversation),
        "project": conversation.project.name,
        "model": conversation.hosted_model_id,
        "system_prompt": conversation.system_prompt,
        "params": conversation.params,
        "exported_at": timezone.now(),
    }
    yield f'{_dumped(head)[:-1]}, "messages": ['
    for number, message in enumerate(_messages(path)):
        yield f"{',' if number else ''}\n{_dumped(_facts(message))}"
    yield "\n]}\n"


FORMS = {"md": (as_markdown, "text/markdown; charset=utf-8"), "json": (as_json, "application/json")}


def _messages(path: Sequence[str]) -> Iterator[Message]:
    for start in range(0, len(path), AT_ONCE):
        yield from messages_of(list(path[start : start + AT_ONCE]))


def _dumped(facts: JSON) -> str:
    return json.dumps(facts, cls=DjangoJSONEncoder, ensure_ascii=False)


def _facts(message: Message) -> JSON:
    job, is_said = message.job, message.role != Message.Author.ASSISTANT
    return message_facts(message) | {
        "person": str(message.user) if message.user else (message.label or None) if is_said else None,
        "model": job.model_version.hosted_model_id if job else None if is_said else message.label or None,
        "state": job.state if job else None,
        "finish_reason": job.finish_reason if job else None,
    }


def _section(message: Message) -> str:
    facts = message_facts(message)
    parts = [f"## {_who(message)}", f"{message.created_at:%Y-%m-%d %H:%M} UTC"]
    if facts["reasoning"]:
        parts.append(f"<details>\n<summary>Thoughts</summary>\n\n{facts['reasoning']}\n\n</details>")
    parts += [f"*Picture: {picture['name']}*" for picture in facts["pictures"]]
    parts.append(_fenced(message.content) if message.role == Message.Author.TOOL else message.content)
    parts += [f"Calls `{call['name']}`:\n\n{_fenced(call['arguments'])}" for call in facts["tool_calls"]]
    if message.job and message.job.state in UNFINISHED:
        parts.append(f"*This answer is {UNFINISHED[message.job.state]}.*")
    return "\n" + "\n\n".join(part for part in parts if part) + "\n"


def _who(message: Message) -> str:
    if message.role == Message.Author.TOOL:
        return f"Result of {message.tool_name}"
    if message.role == Message.Author.ASSISTANT:
        return message.job.model_version.hosted_model.name if message.job else message.label or "The model"
    return str(message.user) if message.user else message.label or "Somebody"


def _fenced(text: str) -> str:
    """Between fences longer than any in it."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}\n{text}\n{fence}"
