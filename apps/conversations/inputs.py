"""Checks on what a person typed or a browser sent. Each refusal is a sentence that says what is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.conf import settings

from apps.conversations.models import MAX_TITLE_CHARS
from apps.generations.errors import Refused
from apps.lib.ids import is_id

CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
MAX_SHARED = 500
MAX_PICTURES = 4
"""With one message."""
LIFETIMES = {"1": timedelta(days=1), "7": timedelta(days=7), "30": timedelta(days=30), "": None}
"""How long a shared link opens, in days; "" until it is revoked."""
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""NUL and lone surrogates: neither is text, and PostgreSQL takes neither."""
CONTROL = re.compile("[\x01-\x08\x0b\x0c\x0e-\x1f\x7f]")
MAX_CONTROL_SHARE = 0.1
TITLE_FROM_PROMPT = 60


def refused(code: str, message: str, *, status: int = 422, **details: Any) -> Refused:
    return Refused(status=status, code=code, message=message, **details)


def text_in(data: Mapping[str, Any], name: str, *, maximum: int) -> str:
    """The text called `name`, ends trimmed; "" where it is missing or null."""
    raw = data.get(name)
    if raw is None:
        return ""
    if not isinstance(raw, str):
        raise refused("invalid", f"“{name}” must be text.")
    text = raw.strip()
    if UNSTORABLE.search(text) or len(CONTROL.findall(text)) > MAX_CONTROL_SHARE * len(text):
        raise refused("binary", "This looks like a file, not like text. Paste its text instead.")
    if len(text) > maximum:
        over = len(text) - maximum
        raise refused("too_long", f"That is {over:,} characters too long; up to {maximum:,} are allowed.", status=413)
    return text


def prompt_in(data: Mapping[str, Any], pictures: Sequence[str] = ()) -> str:
    """What is written; pictures may go without words."""
    prompt = text_in(data, "text", maximum=settings.MAX_PROMPT_CHARS)
    if not prompt and not pictures:
        raise refused("empty", "Write something first: the message is empty.")
    return prompt


def results_in(data: Mapping[str, Any]) -> list[str]:
    """What calls of tools gave, in their order, each as long as a prompt may be. None is empty, for a model makes
    something up of that."""
    raw = data.get("results")
    if not isinstance(raw, list):
        raise refused("invalid", "“results” must be a list of texts.")
    found = []
    for place, each in enumerate(raw):
        try:
            text = text_in({"result": each}, "result", maximum=settings.MAX_PROMPT_CHARS)
        except Refused as problem:
            raise refused(problem.code, problem.message, status=problem.status, place=place) from None
        if not text:
            raise refused("empty", "Write what this call gave; where that is nothing, say so, as in null.", place=place)
        found.append(text)
    return found


def pictures_in(data: Mapping[str, Any]) -> list[str]:
    """The ids of attached pictures, each once, in their order."""
    raw = data.get("pictures")
    if raw is None:
        return []
    if not isinstance(raw, list) or not all(isinstance(each, str) and is_id(each) for each in raw):
        raise refused("invalid", "“pictures” must be a list of ids.")
    if len(raw) > MAX_PICTURES:
        raise refused(
            "too_many_pictures",
            f"A message takes up to {MAX_PICTURES} pictures, and these are {len(raw)}. Send some with the next one.",
        )
    return list(dict.fromkeys(raw))


def title_in(data: Mapping[str, Any]) -> str:
    title = " ".join(text_in(data, "title", maximum=MAX_TITLE_CHARS).split())
    if not title:
        raise refused("empty", f"Give the conversation a name of 1 to {MAX_TITLE_CHARS} characters.")
    return title


def client_id_in(data: Mapping[str, Any]) -> str:
    """The browser's own id of a send, which makes a repeated send the same send."""
    raw = data.get("client_id")
    if not isinstance(raw, str) or not CLIENT_ID.fullmatch(raw):
        raise refused("invalid", "“client_id” must be 8 to 64 letters, digits, - or _.")
    return raw


def parent_in(data: Mapping[str, Any]) -> str | None:
    raw = data.get("parent")
    if raw is not None and not isinstance(raw, str):
        raise refused("invalid", "“parent” must be the id of a message, or null.")
    return raw or None


def revision_in(data: Mapping[str, Any]) -> str | None:
    """The id of the revision of a prompt that the text came from."""
    raw = data.get("revision")
    if raw is not None and not isinstance(raw, str):
        raise refused("invalid", "“revision” must be the id of a revision of a prompt, or null.")
    return raw or None


def ids_in(data: Mapping[str, Any], name: str, *, maximum: int = MAX_SHARED) -> list[str]:
    """The list of ids called `name`: at least one, at most `maximum`."""
    raw = data.get(name)
    if not isinstance(raw, list) or not all(isinstance(each, str) for each in raw):
        raise refused("invalid", f"“{name}” must be a list of ids.")
    if not 1 <= len(raw) <= maximum:
        raise refused("invalid", f"Choose 1 to {maximum} messages.")
    return raw


def lifetime_in(data: Mapping[str, Any]) -> timedelta | None:
    days = data.get("days", "7")
    if not isinstance(days, str) or days not in LIFETIMES:
        raise refused("invalid", "A link is valid for 1, 7 or 30 days, or until it is revoked.")
    return LIFETIMES[days]


def title_from(prompt: str) -> str:
    """A title from the first line of a prompt, cut between words."""
    line = " ".join(prompt.split("\n", 1)[0].split())
    if len(line) <= TITLE_FROM_PROMPT:
        return line
    cut = line[: TITLE_FROM_PROMPT - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[20:] else cut) + "…"
