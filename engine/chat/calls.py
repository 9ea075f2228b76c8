"""Calls of tools in a chat, and their results, as chat templates want them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any


class Arguments(StrEnum):
    """How a template wants the arguments of a call."""

    OBJECT = "object"
    """As transformers documents it: most write them with `tojson`."""
    TEXT = "text"
    """As the JSON that OpenAI's API has: DeepSeek's templates put it between texts of their own."""


THOUGHTS = ("thinking", "reasoning_content")
"""What templates call the thoughts before a call: gpt-oss's, and Qwen's, GLM's and others."""


def as_template_wants(message: Mapping[str, Any], arguments: Arguments | None, thoughts: str = "") -> dict[str, Any]:
    """The message with the arguments of its calls in this form, and its `reasoning` under this name, or without it."""
    thought = message.get("reasoning")
    if thought is not None:
        message = {name: value for name, value in message.items() if name != "reasoning"}
        if thoughts and not message["content"]:  # gpt-oss's takes one of them, and shows it in the same place
            message[thoughts] = thought
    calls = message.get("tool_calls")
    if not calls or arguments is not Arguments.OBJECT:
        return dict(message)
    read = [
        call | {"function": call["function"] | {"arguments": _read(call["function"]["arguments"])}} for call in calls
    ]
    return {**message, "tool_calls": read}


def trial(*, answered: bool) -> list[dict[str, Any]]:
    """A chat with a call, and with its result or with a prompt in its place."""
    function = {"name": NAME, "arguments": json.dumps({"city": CITY})}
    call = {"id": "trial0000", "type": "function", "function": function}
    result = {"role": "tool", "content": RESULT, "name": NAME, "tool_call_id": call["id"]}
    return [
        {"role": "user", "content": "Tried."},
        {"role": "assistant", "content": "", "tool_calls": [call]},
        result if answered else {"role": "user", "content": RESULT},
    ]


NAME, CITY, RESULT = TRIED = ("call7text", "city7text", "told7text")
"""What a template has to show of the trial; none holds these texts."""
THOUGHT = "mused7text"
"""The same, of what was thought before the call."""


def texts_of_calls(message: Mapping[str, Any]) -> Iterator[str]:
    """Names and arguments, the latter also as they read once their JSON is: an escape may hide a text."""
    for call in message.get("tool_calls", ()):
        written = call["function"]["arguments"]
        yield from (call["function"]["name"], written, json.dumps(_read(written), ensure_ascii=False))


def _read(arguments: str) -> Any:
    """The object; the text itself where that isn't JSON, or holds half a character, which no tokenizer takes."""
    try:
        read = json.loads(arguments)
        json.dumps(read, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return arguments
    return read
