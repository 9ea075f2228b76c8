"""Where in a conversation a search found its words: the latest message that has them, and the passage."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from django.contrib.postgres.search import SearchHeadline, SearchQuery
from django.db.models.functions import Coalesce, Left

from apps.conversations.models import Message
from apps.conversations.search import INDEXED_CHARS, LANGUAGE, MAX_TERMS, text_matches, words
from apps.generations.models import GenerationJob

START, STOP = "\x02", "\x03"
AROUND = 70
"""Characters shown before and behind what was found."""


class Find(NamedTuple):
    message: str
    pieces: tuple[tuple[str, bool], ...]
    """The passage in parts, and which of them were looked for."""


def finds(query: str, conversation_ids: Iterable[str]) -> dict[str, Find]:
    """By conversation, none where its title alone matches; three queries for a page of them."""
    chosen = [message for _, message in _latest(query, list(conversation_ids)).values()]
    body = Left(Coalesce("job__output", "text"), INDEXED_CHARS)
    marked = SearchHeadline(
        body,
        SearchQuery(query, config=LANGUAGE, search_type="websearch"),
        config=LANGUAGE,
        start_sel=START,
        stop_sel=STOP,
    )
    rows = Message.objects.filter(pk__in=chosen).annotate(body=body, marked=marked).order_by()
    return {
        conversation: Find(message, _around(_forms(passage) or query.split()[:MAX_TERMS], text))
        for message, conversation, text, passage in rows.values_list("pk", "conversation", "body", "marked")
    }


def _latest(query: str, conversation_ids: list[str]) -> dict[str, tuple[object, str]]:
    """By conversation when it was written and which it is."""
    prompts = Message.objects.filter(conversation__in=conversation_ids).annotate(words=words("text"))
    prompts = prompts.filter(text_matches("text", query)).order_by("conversation", "-created_at", "-id")
    answers = GenerationJob.objects.filter(message__conversation__in=conversation_ids).annotate(words=words("output"))
    answers = answers.filter(text_matches("output", query)).order_by("message__conversation", "-message__created_at")
    found: dict[str, tuple[object, str]] = {}
    for conversation, written, message in (
        *prompts.distinct("conversation").values_list("conversation", "created_at", "pk"),
        *answers.distinct("message__conversation").values_list(
            "message__conversation", "message__created_at", "message"
        ),
    ):
        if conversation not in found or (written, message) > found[conversation]:
            found[conversation] = (written, message)
    return found


def _forms(marked: str) -> list[str]:
    """The words that full-text search found, as they stand in the text; none where terms are parts of words."""
    return [form for form in re.findall(f"{START}([^{START}{STOP}]+){STOP}", marked) if form.strip()]


def _around(terms: list[str], text: str) -> tuple[tuple[str, bool], ...]:
    """The passage where the first of them stands, from the text itself: full-text search leaves tags out of its own."""
    sought = re.compile("|".join(re.escape(term) for term in terms), re.I)
    first = sought.search(text)
    start = max(0, first.start() - AROUND) if first else 0
    passage = text[start : (first.end() if first else 0) + AROUND]
    parts = re.split(f"({sought.pattern})", passage, flags=re.I)
    pieces = [(part, bool(place % 2)) for place, part in enumerate(parts) if part]
    before, behind = [("…", False)] * (start > 0), [("…", False)] * (start + len(passage) < len(text))
    return (*before, *pieces, *behind)
