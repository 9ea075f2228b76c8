"""Reading what a model wrote as a tool call."""

from __future__ import annotations

import json
import re
from typing import Any

from engine.answers.segments import ToolCall

FENCED = re.compile(r"\A```[a-z]*\n(.*?)\n?```\Z", re.DOTALL)
RECIPIENT = re.compile(r"(?:^|\s)to=(\S+)")
MAX_NAME = 128  # characters; a longer "name" is something else


def hermes_call(written: str) -> ToolCall:
    """`{"name": …, "arguments": {…}}`; some models call the latter `parameters`."""
    said = _object(written)
    name = said.get("name") if said else None
    if said is None or not isinstance(name, str):
        return ToolCall("", written.strip(), valid=False)
    arguments = said.get("arguments", said.get("parameters", {}))
    if isinstance(arguments, str):  # a string that holds the object
        return named_call(name, arguments)
    return named_call(name, json.dumps(arguments, ensure_ascii=False))


def deepseek_call(head: str, body: str) -> ToolCall:
    """`function` and `name`, a new line and the arguments in a code fence; newer versions: name and bare arguments."""
    name, arguments = head.strip(), body.strip()
    if name == "function":
        name, _, arguments = arguments.partition("\n")
    fenced = FENCED.match(arguments.strip())
    return named_call(name.strip(), fenced.group(1) if fenced else arguments)


def named_call(name: str, arguments: str) -> ToolCall:
    """The arguments must be a JSON object; nothing at all counts as an empty one."""
    text = arguments.strip() or "{}"
    usable = bool(name) and len(name) <= MAX_NAME and _object(text) is not None
    return ToolCall(name[:MAX_NAME], text, valid=usable)


def recipient_in(header: str) -> str:
    """Whom a harmony message is for: `functions.get_weather` → `get_weather`; "" where it is for the reader."""
    found = RECIPIENT.search(header)
    return found.group(1).removeprefix("functions.") if found else ""


def _object(text: str) -> dict[str, Any] | None:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
