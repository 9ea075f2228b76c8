"""A file, read into the conversations that it has; each that can't be read says why."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from apps.conversations.importing import chatgpt, open_webui, own
from apps.conversations.importing.growing import grown
from apps.conversations.importing.parts import Found, UnreadableError, name_of
from apps.conversations.inputs import title_from
from apps.conversations.models import MAX_TITLE_CHARS

FORMS = (chatgpt, open_webui, own)
KNOWN = "Known are exports of this site (JSON), conversations.json of ChatGPT, and exports of chats of Open WebUI."
MAX_CONVERSATIONS = 2_000
MAX_BRACKETS = 1_000_000
"""Each becomes some hundred bytes of memory."""


def read_file(data: bytes) -> list[Found]:
    """In the order of the file. Raises UnreadableError where the file as a whole is none that is known."""
    entries = _entries(_parsed(data))
    if not entries:
        raise UnreadableError("There is no conversation in this file.")
    if len(entries) > MAX_CONVERSATIONS:
        raise UnreadableError(
            f"This file has {len(entries):,} conversations; up to {MAX_CONVERSATIONS:,} are taken at once. Split it."
        )
    found = [_found(number, entry) for number, entry in enumerate(entries, 1)]
    if not any(each.form for each in found):
        raise UnreadableError(f"This is JSON, but none of an export that can be read here. {KNOWN}")
    return found


def _parsed(data: bytes) -> object:
    """Python's numbers that JSON doesn't have are refused, and so is what nests too deep or would take much memory."""
    if data.count(b"{") + data.count(b"[") > MAX_BRACKETS:
        raise UnreadableError("This file has more parts than conversations of its size have. Split it.")
    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=_no_number)
    except UnicodeDecodeError:
        raise UnreadableError(
            "This file is not text in UTF-8. Choose the JSON file itself; out of a ZIP, take conversations.json."
        ) from None
    except json.JSONDecodeError as error:
        raise UnreadableError(f"This file is not JSON: line {error.lineno}, column {error.colno}.") from None
    except (RecursionError, ValueError):
        raise UnreadableError(
            "This file is JSON that nobody can have written: too deep, or with numbers that are none."
        ) from None


def _no_number(name: str) -> NoReturn:
    raise ValueError(name)


def _entries(parsed: object) -> list[object]:
    """One conversation may stand by itself."""
    return parsed if isinstance(parsed, list) else [parsed]


def _found(number: int, entry: object) -> Found:
    """One that is no conversation has neither form nor messages."""
    form = next((each for each in FORMS if isinstance(entry, dict) and each.is_one(entry)), None)
    if form is None or not isinstance(entry, dict):
        return Found(number, _title(entry), "", problem="It is not a conversation in a form that is known here.")
    found = Found(number, _title(entry), form.FORM)
    try:
        nodes, facts = form.read(entry)
        for name, value in facts.items():
            setattr(found, name, value)
        found.nodes, found.current = grown(nodes, found.current)
    except UnreadableError as problem:
        found.problem = str(problem)
        return found
    if not found.nodes:
        found.problem = "Nothing is said in it that could be shown."
    found.title = found.title or next((title_from(node.text) for node in found.nodes if node.text), "")
    return found


def _title(entry: object) -> str:
    told: Mapping[str, Any] = entry if isinstance(entry, dict) else {}
    chat = told.get("chat")
    inner = chat.get("title") if isinstance(chat, dict) else None
    try:
        return name_of(told.get("title"), MAX_TITLE_CHARS) or name_of(inner, MAX_TITLE_CHARS)
    except UnreadableError:
        return ""
